/** The facts on the page of a run: what came of it in a few tiles, and what was asked for. Pure. */
import { counted, figure, percent, seconds, whole } from '../figures.ts'
import type { Distribution, Level, Report } from '../schema.ts'
import { bestOf } from '../conclusion.ts'
import type { Tile } from './facts.ts'

export function runTiles(levels: readonly Level[]): readonly Tile[] {
  return levels.length > 1 ? tilesOfMany(levels) : levels.flatMap(tilesOfOne)
}

function tilesOfOne(level: Level): Tile[] {
  const { ttftMs, latencyMs, inFlight } = level
  return [
    successTile(level.successPercent, [level]),
    {
      label: 'Requests',
      figure: `${figure(level.requestsPerSecond)}/s`,
      note: `over ${seconds(level.durationSeconds)}`,
    },
    {
      label: 'Output tokens',
      figure: `${figure(level.outputTokensPerSecond)}/s`,
      note: `${whole(level.outputTokens)} in all`,
    },
    ...timeTiles('TTFT p50', ttftMs),
    ...timeTiles('Latency p50', latencyMs),
    { label: 'In flight', figure: figure(inFlight.mean), note: `${whole(inFlight.most)} at most` },
  ]
}

function tilesOfMany(levels: readonly Level[]): Tile[] {
  const best = bestOf(levels)
  const judged = sum(levels, 'ok') + sum(levels, 'failed') + sum(levels, 'refused')
  return [
    successTile(judged === 0 ? null : (100 * sum(levels, 'ok')) / judged, levels),
    { label: 'Levels', figure: whole(levels.length), note: `${levels[0]?.name} to ${levels.at(-1)?.name}` },
    { label: 'Most requests', figure: `${figure(best.requestsPerSecond)}/s`, note: `at ${best.name}` },
    { label: 'Output tokens then', figure: `${figure(best.outputTokensPerSecond)}/s` },
    ...timeTiles('Latency p50 then', best.latencyMs),
  ]
}

function timeTiles(label: string, times: Distribution | null): Tile[] {
  if (times === null) return []
  return [{ label, figure: `${figure(times.p50)} ms`, note: `p99 ${figure(times.p99)} ms` }]
}

function successTile(success: number | null, levels: readonly Level[]): Tile {
  const wrong = sum(levels, 'failed') + sum(levels, 'refused')
  const left = sum(levels, 'left')
  const rest = left === 0 ? '' : `, ${whole(left)} left by their clients`
  const note = `${whole(sum(levels, 'ok'))} right, ${whole(wrong)} wrong${rest}`
  const kind = success === 100 ? 'good' : 'bad'
  return { label: 'Right answers', figure: percent(success), note, ...(success === null ? {} : { kind }) }
}

export function runFacts({ levels, target, environment }: Report): (readonly [string, string])[] {
  const [level] = levels
  return [
    ['target', target],
    ...(level === undefined ? [] : askedFor(level, levels)),
    ['made by', `${environment.program} on Node ${environment.node}`],
    ['machine', `${environment.processors}, ${environment.system}`],
  ]
}

function askedFor(level: Level, levels: readonly Level[]): (readonly [string, string])[] {
  const isOne = levels.length === 1
  const { generator, plannedSeconds, plannedRequests } = level
  const length = plannedSeconds === null ? counted(plannedRequests ?? 0, 'request') : `${plannedSeconds} s`
  const busy = levels.flatMap(one => one.generator.busyShares)
  return [
    ['endpoint', `${level.endpoint}, ${level.isStream ? 'streamed' : 'whole answers'}`],
    ['arrivals', isOne ? words(level.arrivals) : `${level.name} to ${levels.at(-1)?.name}`],
    ['data', words(level.dataset)],
    ['length', isOne ? length : `${length} a level`],
    ['connections', level.connectionMode],
    ['seed', String(level.seed)],
    ['tokens', level.areTokensChecked ? 'each compared with what the engines must say' : 'not compared'],
    [
      'generator',
      `busy for ${Math.round(Math.max(0, ...busy) * 100)} % of its time at most, sent ${figure(generator.scheduleLagP99Ms)} ms late (p99)`,
    ],
  ]
}

/** `minTokens: 20` → `min tokens 20` */
function words(values: Readonly<Record<string, unknown>>): string {
  return Object.entries(values)
    .map(([key, value]) => (key === 'kind' ? plain(value) : `${spaced(key)} ${plain(value)}`))
    .join(', ')
}

function spaced(key: string): string {
  return key.replaceAll(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`)
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

export function sum(levels: readonly Level[], key: keyof Level['requests']): number {
  return levels.reduce((total, { requests }) => total + requests[key], 0)
}
