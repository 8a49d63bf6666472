/**
 * The times of streamed requests, with which what a client measures can be compared: time to first token, time per token.
 *
 * Times are on the monotonic clock of the machine (`process.hrtime`), which all processes share. Keeps at least the last
 * 10,000 requests.
 */
const MIN_ENTRIES = 10_000

export interface FirstToken {
  readonly rid: string
  readonly arrivedMs: number
  readonly writtenMs: number
  /** When the last token had been written, or the stream was cut off; undefined before that. */
  readonly endedMs?: number
  /** Tokens of all samples; set together with `endedMs`. */
  readonly tokens?: number
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

/** Records the times of one stream, which has just arrived. */
export class StreamTimes {
  readonly #log: FirstTokenLog
  readonly #arrivedMs = machineNowMs()
  #entry: FirstToken | undefined

  constructor(log: FirstTokenLog) {
    this.#log = log
  }

  /** The first token has been written. */
  begin(rid: string): void {
    this.#entry = { rid, arrivedMs: this.#arrivedMs, writtenMs: machineNowMs() }
    this.#log.add(this.#entry)
  }

  /** The last token of all samples has been written. Without effect if there was no first one. */
  end(samples: readonly { readonly produced: number }[]): void {
    const tokens = samples.reduce((sum, { produced }) => sum + produced, 0)
    if (this.#entry !== undefined) Object.assign(this.#entry, { endedMs: machineNowMs(), tokens })
  }
}

/** Milliseconds on the monotonic clock that all processes share. */
function machineNowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
