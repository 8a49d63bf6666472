/**
 * The arrival and first-token times of streamed requests, with which the time to first token of a client can be compared.
 *
 * Times are on the monotonic clock of the machine (`process.hrtime`), which all processes share. Keeps at least the last
 * 10,000 requests.
 */
const MIN_ENTRIES = 10_000

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
    // Many at a time, because removing one costs as much.
    if (this.#entries.length >= 2 * MIN_ENTRIES) this.#entries.splice(0, MIN_ENTRIES)
  }
}

/** Milliseconds on the monotonic clock that all processes share. */
export function machineNowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
