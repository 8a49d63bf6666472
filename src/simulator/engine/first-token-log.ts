/**
 * When each streamed request came in and when its first token was written: what a client's TTFT is held against.
 *
 * Times are of the machine's monotonic clock (`process.hrtime`), which all processes share. Remembers the last 10,000.
 */
const REMEMBERED = 10_000

export interface FirstToken {
  readonly rid: string
  readonly arrivedMs: number
  readonly writtenMs: number
}

export class FirstTokenLog {
  readonly #entries: FirstToken[] = []

  /** Oldest first. */
  get entries(): readonly FirstToken[] {
    return this.#entries
  }

  add(entry: FirstToken): void {
    this.#entries.push(entry)
    // In lumps: taking one from the front costs as much as taking many.
    if (this.#entries.length >= 2 * REMEMBERED) this.#entries.splice(0, REMEMBERED)
  }
}

export function machineNowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
