/** What each part of the SGLang lab does, by its name. */
import { setTimeout as delay } from 'node:timers/promises'
import { becomesTrue } from '../../client/until.ts'
import type { Checks } from '../../report/part.ts'
import { CASES } from '../cases/all-cases.ts'
import { ALLOWED_DIFFERENCES } from '../compare/allowed-differences.ts'
import type { Engine, EngineKind } from '../engines/engine.ts'
import type { EngineRole, Frontend } from '../engines/engine-command.ts'
import { enginePort } from '../engines/engine-port.ts'
import { CheckedLoad } from '../load/checked-load.ts'
import {
  hastyFlags,
  kindOf,
  knownLoad,
  pairsOf,
  type Setup,
  withGateway,
  withSimulator,
} from '../setup/setup.ts'
import { checkAborts } from './aborts.ts'
import { checkConformance } from './conformance.ts'
import { addAnswers, checkDisturbance, type Disturbance, DRAINED, KILLED } from './disturbances.ts'
import { checkKvEvents, eventFlags } from './kv-events.ts'
import type { PartName } from './names.ts'
import { checkOthersLoad } from './others-load.ts'
import { checkOverload, OVERLOAD_FLAGS } from './overload.ts'
import { checkPrefixCaches } from './prefix-caches.ts'
import { checkRanks, RANKS, TWO_RANKS } from './ranks.ts'

type RunPart = (setup: Setup, checks: Checks) => Promise<void>

const LOAD_REQUESTS = 400
const LOAD_CLIENTS = 12
const LOAD_LIMIT_MS = 1_200_000
/** Longer than the gateway's patience with a silent engine, shorter than that of the KV transfer, 31 s. */
const PAUSE_MS = 20_000

const PAUSED: Disturbance = {
  name: 'paused',
  mayBreakStreams: true,
  act: async engine => {
    engine.kill('SIGSTOP')
    await delay(PAUSE_MS)
    engine.kill('SIGCONT')
  },
}

export const RUN_PART: Readonly<Record<PartName, RunPart>> = {
  'conformance-python': (setup, checks) => conformance('python', setup, checks),
  'aborts-python': (setup, checks) => aborts('python', setup, checks),
  load: checkLoad,
  kills: (setup, checks) =>
    disturb(setup, checks, [
      ['prefill', { ...KILLED, mayBreakStreams: false }],
      ['decode', { ...KILLED, mayBreakStreams: true }],
    ]),
  pauses: (setup, checks) =>
    disturb(setup, checks, [
      ['prefill', { ...PAUSED, mayBreakStreams: false }],
      ['decode', PAUSED],
    ]),
  drains: (setup, checks) =>
    disturb(setup, checks, [
      ['prefill', { ...DRAINED, mayBreakStreams: false }],
      ['decode', { ...DRAINED, mayBreakStreams: false }],
    ]),
  overload,
  'prefix-caches': prefixCaches,
  ranks,
  'kv-events': kvEvents,
  'conformance-rust': async (setup, checks) => {
    await setup.engines.stop()
    await conformance('rust', setup, checks)
  },
  'aborts-rust': (setup, checks) => aborts('rust', setup, checks),
  'ends-rust': endsRust,
}

async function conformance(frontend: Frontend, { engines, context }: Setup, checks: Checks): Promise<void> {
  const [unified, ...pair] = await engines.running(...kindsOf(frontend))
  if (unified === undefined) return
  await withSimulator(frontend, simulator =>
    withGateway(pairsOf(pair), [], url =>
      checkConformance({ frontend, pair: url, unified: unified.url, simulator }, CASES, {
        allowed: ALLOWED_DIFFERENCES,
        checks,
        signal: context.signal,
      }),
    ),
  )
}

async function aborts(frontend: Frontend, { engines, context }: Setup, checks: Checks): Promise<void> {
  const [unified, ...pair] = await engines.running(...kindsOf(frontend))
  if (unified === undefined) return
  const { signal } = context
  const urls = pair.map(({ url }) => url)
  const decode = pair.find(({ kind }) => kind.role === 'decode')?.url ?? unified.url
  await withGateway(pairsOf(pair), [], gateway =>
    checkAborts({ frontend, gateway, unified: unified.url, engines: urls, decode, signal }, checks),
  )
}

function kindsOf(frontend: Frontend) {
  return (['unified', 'prefill', 'decode'] as const).map(role => kindOf(role, frontend))
}

/** Two pairs without disturbance. */
async function checkLoad({ engines, context }: Setup, checks: Checks): Promise<void> {
  const [unified, ...pairs] = await engines.running(...kindsOf('python'), ...secondPair())
  if (unified === undefined) return
  const known = await knownLoad(unified, context)
  await withGateway(pairsOf(pairs), hastyFlags(context), async url => {
    const load = new CheckedLoad({ url, signal: context.signal }, known, LOAD_CLIENTS)
    try {
      await becomesTrue(() => load.ended >= LOAD_REQUESTS, LOAD_LIMIT_MS, context.signal)
    } finally {
      addAnswers('load', await load.stop(), false, checks)
    }
    for (const { url: engine, kind } of pairs)
      checks.add(`${kind.name} took part`, load.answeredBy(engine) > 0 ? undefined : 'it got no request')
  })
}

function secondPair() {
  return [kindOf('prefill', 'python', 2), kindOf('decode', 'python', 2)]
}

type Disturbances = readonly (readonly ['prefill' | 'decode', Disturbance])[]

async function disturb({ engines, context }: Setup, checks: Checks, all: Disturbances): Promise<void> {
  const [unified, ...pairs] = await engines.running(...kindsOf('python'), ...secondPair())
  if (unified === undefined) return
  const known = await knownLoad(unified, context)
  await disturbAll(pairs, all, { context, known, checks })
}

async function disturbAll(
  pairs: readonly Engine[],
  all: Disturbances,
  {
    context,
    known,
    checks,
  }: Pick<Setup, 'context'> & { known: Awaited<ReturnType<typeof knownLoad>>; checks: Checks },
): Promise<void> {
  const { signal } = context
  for (const [role, disturbance] of all) {
    const engine = pairs.find(({ kind }) => kind.role === role)
    if (engine === undefined) continue
    await withGateway(pairsOf(pairs), hastyFlags(context), url =>
      checkDisturbance(engine, disturbance, { target: { url, signal }, known }, checks),
    )
  }
}

async function overload({ engines, context }: Setup, checks: Checks): Promise<void> {
  const small = { ...kindOf('unified', 'python', 2), flags: OVERLOAD_FLAGS }
  const [unified, full] = await engines.running(kindOf('unified', 'python'), small)
  if (unified === undefined || full === undefined) return
  const known = await knownLoad(unified, context)
  await withGateway({ mixed: [full.url] }, [], gateway =>
    checkOverload({ gateway, engine: full.url, signal: context.signal }, known, checks),
  )
}

async function prefixCaches({ engines, context }: Setup, checks: Checks): Promise<void> {
  const kinds = [kindOf('prefill', 'python'), kindOf('decode', 'python'), ...secondPair()]
  const all = await engines.running(...kinds)
  const pinned = [all.slice(0, 2), all.slice(2)].map(pairsOf)
  const urls = all.map(({ url }) => url)
  await checkPrefixCaches({ pinned, all: pairsOf(all), urls, signal: context.signal }, checks)
}

async function ranks({ engines, context }: Setup, checks: Checks): Promise<void> {
  const kinds = [withRanks('unified'), withRanks('prefill'), kindOf('decode', 'python')]
  const [unified, ...pair] = await engines.running(...kinds)
  if (unified === undefined) return
  const urls = [unified, ...pair].map(({ url }) => url)
  const fleets = { unified: { mixed: [unified.url] }, pair: pairsOf(pair) }
  await checkRanks({ ...fleets, urls, signal: context.signal }, checks)
  await checkOthersLoad(unified.url, checks, context.signal)
}

function withRanks(role: EngineRole): EngineKind {
  return { name: `python-${role}-ranks`, role, frontend: 'python', ...TWO_RANKS }
}

async function kvEvents({ engines, context }: Setup, checks: Checks): Promise<void> {
  const unified = { role: 'unified', frontend: 'python' } as const
  const plain = eventFlags(await enginePort(), await enginePort())
  const ranked = [...TWO_RANKS.flags, ...eventFlags(await enginePort(RANKS), await enginePort(RANKS))]
  const kinds = [
    { ...unified, name: 'python-events', flags: plain },
    { ...unified, name: 'python-events-ranks', ...TWO_RANKS, flags: ranked },
  ]
  const urls = (await engines.running(...kinds)).map(({ url }) => url)
  const targets = { engines: urls, sources: 1 + RANKS, signal: context.signal }
  await withGateway({ mixed: urls }, ['--kv-events', '--route-headers'], (gateway, metrics) =>
    checkKvEvents({ ...targets, gateway, metrics }, checks),
  )
}

/** The Rust front end does not drain: SIGTERM cuts streams off, and whole answers have to be repeated. */
async function endsRust({ engines, context }: Setup, checks: Checks): Promise<void> {
  const second = kindOf('decode', 'rust', 2)
  const [unified, ...pairs] = await engines.running(...kindsOf('rust'), second)
  if (unified === undefined) return
  const known = await knownLoad(unified, context)
  const ended = { ...DRAINED, name: 'ended by SIGTERM', mayBreakStreams: true }
  await disturbAll(pairs, [['decode', ended]], { context, known, checks })
}
