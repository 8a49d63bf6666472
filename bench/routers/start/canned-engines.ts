/** Starts the canned engines, which respond at once from memory: the load on them hardly depends on the router. */
import { join } from 'node:path'
import { parseJson } from '../../../src/core/text/parse-json.ts'
import { Child, type ChildOptions, nodeCommand } from '../../../src/process/child-process.ts'
import { member } from '../../json/member.ts'
import type { RouterEngines } from './gateway.ts'

export interface CannedEngines extends RouterEngines {
  readonly child: Child
  /** URL of one decode engine; it also serves the counters and the pace of all engines. */
  readonly url: string
}

const MAIN = join(import.meta.dirname, '..', '..', 'canned', 'main.ts')
const START_LIMIT_MS = 20_000
/** Canned prefill engines have no bootstrap server, and canned decode engines do not ask for one. */
const BOOTSTRAP_PORT = 8998

/** `flags` are those of `bench/canned/options.ts`. @throws Error when the engines are not ready within 20 s. */
export async function startCannedEngines(
  flags: readonly string[],
  options: Pick<ChildOptions, 'core'> = {},
): Promise<CannedEngines> {
  const child = Child.start({ ...nodeCommand(MAIN, flags), ...options, stdout: 'pipe' })
  const ports = parseJson(await child.firstLine(START_LIMIT_MS))
  const prefill = portsOf(ports, 'prefill').map(port => ({ url: urlOf(port), bootstrapPort: BOOTSTRAP_PORT }))
  const decode = portsOf(ports, 'decode').map(urlOf)
  return { child, prefill, decode, url: decode[0] ?? '' }
}

export function urlOf(port: number): string {
  return `http://127.0.0.1:${port}`
}

function portsOf(value: unknown, role: 'prefill' | 'decode'): readonly number[] {
  const ports = member(value, role)
  if (!Array.isArray(ports)) throw new TypeError(`The canned engines printed no ${role} ports`)
  return ports.map(Number)
}
