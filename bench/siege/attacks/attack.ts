/** What one attacker process does until it is closed. */
import type { Tally } from './tally.ts'

export interface Attack {
  readonly tally: Tally
  close(): void
}

/** What all attacks are given. */
export interface AttackPlan {
  readonly port: number
  readonly adminPort: number
  /** Limit of open files of the gateway. */
  readonly descriptorLimit: number
}

export const HOST = '127.0.0.1'
/** All the attackers' addresses; the first is also that of the honest clients. */
export const SOURCES = Array.from({ length: 8 }, (_, index) => `127.0.0.${index + 1}`)

/** A request head with the headers that every request needs. */
export function headOf(method: string, path: string, headers: readonly string[] = []): string {
  return [`${method} ${path} HTTP/1.1`, 'host: gateway', ...headers, '', ''].join('\r\n')
}

/** A whole request with a JSON body. */
export function postOf(path: string, body: unknown): string {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const headers = ['content-type: application/json', `content-length: ${Buffer.byteLength(text)}`]
  return headOf('POST', path, headers) + text
}
