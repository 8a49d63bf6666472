/** The table as text for a terminal and as Markdown, with what has to be known to read it. Pure. */
import { alignedText } from '../../report/aligned-text.ts'
import { type Aim, percentText } from './goals.ts'
import type { Machine } from './machine.ts'
import type { Measured, PeerRow } from './rows.ts'

export interface PeersReport {
  readonly machine: Machine
  /** Program -> version, or why there is none. */
  readonly versions: Readonly<Record<string, string>>
  readonly rows: readonly PeerRow[]
  readonly aims: readonly Aim[]
}

const HEAD = [
  'load',
  'router',
  'right %',
  'req/s',
  'CPU us',
  'a',
  'of Rust',
  'p50 ms',
  'p99 ms',
  'added p50',
  'added p99',
  'RSS MiB',
]
const CELL_LIMIT = 200

const LEGEND =
  'of Rust: CPU / that of sglang-router or smg, whichever needs less. p50, p99: to the first token of a stream, ' +
  'to the end of another answer. added: TTFT beyond that of the engine asked without a router.'

export function textReport({ machine, versions, rows, aims }: PeersReport): string {
  const table = alignedText([HEAD, ...rows.map(cellsOf)])
  const said = saidOf(rows).map(({ loads, router, message }) => `${router}, ${loads.join(', ')}: ${message}`)
  const rest = [LEGEND, ...said, machineText(machine), versionsText(versions), ...aimLines(aims)]
  return `${table}${rest.join('\n')}\n`
}

export function markdownReport({ machine, versions, rows, aims }: PeersReport): string {
  const lines = [HEAD, HEAD.map((_, at) => (at < 2 ? '---' : '---:')), ...rows.map(cellsOf)]
  const said = saidOf(rows).map(
    ({ loads, router, message }) => `- ${router} (${loads.join(', ')}): ${quoted(message)}`,
  )
  return [
    `${machineText(machine)} ${versionsText(versions)}.`,
    lines.map(cells => `| ${cells.join(' | ')} |`).join('\n'),
    LEGEND,
    said.length === 0 ? 'Nothing failed.' : `What failed, and what was said:\n\n${said.join('\n')}`,
    `Our aims:\n\n${bulleted(aimLines(aims))}`,
  ].join('\n\n')
}

interface Said {
  readonly router: string
  readonly message: string
  readonly loads: string[]
}

/** Once for all loads in which a router said the same. */
function saidOf(rows: readonly PeerRow[]): readonly Said[] {
  const all: Said[] = []
  for (const { load, router, message } of rows) {
    if (message === undefined) continue
    const known = all.find(one => one.router === router && one.message === message)
    if (known === undefined) all.push({ router, message, loads: [load] })
    else known.loads.push(load)
  }
  return all
}

function versionsText(versions: PeersReport['versions']): string {
  return Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ')
}

function bulleted(lines: readonly string[]): string {
  return lines.map(line => `- ${line}`).join('\n')
}

function aimLines(aims: readonly Aim[]): readonly string[] {
  return aims.map(({ text, seen, isMet }) => `${isMet ? 'met' : 'MISSED'}: ${text} (${seen})`)
}

function machineText({ date, cpu, cores, memoryGib, kernel, openFiles, stealPercent }: Machine): string {
  const stolen = `${stealPercent.toFixed(1)} % of its time stolen`
  return `${date}: ${cores} x ${cpu}, ${memoryGib} GiB, ${kernel}, ${openFiles} open files, ${stolen}.`
}

function cellsOf({ load, router, unit, measured }: PeerRow): readonly string[] {
  if (measured === undefined) return [load, router, ...HEAD.slice(2).map(() => '-')]
  return [load, router, ...figuresOf(measured, unit)]
}

function figuresOf(measured: Measured, unit: PeerRow['unit']): readonly string[] {
  const { rightPercent, requestsPerSecond, p50Ms, p99Ms, addedP50Ms, addedP99Ms, rssMib, ratio } = measured
  return [
    percentText(rightPercent),
    requestsPerSecond.toFixed(0),
    fixed(measured.costUs, 1),
    unit,
    fixed(ratio, 2),
    p50Ms.toFixed(1),
    p99Ms.toFixed(1),
    fixed(addedP50Ms, 2),
    fixed(addedP99Ms, 2),
    fixed(rssMib, 0),
  ]
}

function fixed(value: number | undefined, digits: number): string {
  return value === undefined ? '-' : value.toFixed(digits)
}

/** In backticks, so that nothing in it is Markdown. */
function quoted(message: string): string {
  return `\`${message.replaceAll(/[`\s]+/g, ' ').slice(0, CELL_LIMIT)}\``
}
