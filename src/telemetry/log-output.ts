/**
 * Writes the lines of one thread's log without ever waiting: each line is written at once if that is possible, so that a
 * crash loses none. Otherwise (full disk, reader that stands still) lines are kept up to a limit and tried again, and
 * further lines are lost and counted.
 *
 * pino's own destination is not used, because with synchronous writes it sleeps while a pipe is full and throws when a
 * disk is full.
 */
import { writeSync } from 'node:fs'
import { closeDestination } from './log-destination.ts'

export interface LogOutputEvents {
  /** Called with each line that is lost. */
  readonly onLost: () => void
  /** Called once all kept lines are written, with the number of lines lost in between, if any were. */
  readonly onRecovered: (lost: number) => void
}

const RETRY_MS = 100
const NOTHING = Buffer.alloc(0)

export class LogOutput {
  /** -1 once it is closed. */
  #fd: number
  readonly #bufferBytes: number
  readonly #events: LogOutputEvents
  #kept: Buffer[] = []
  #keptBytes = 0
  #lost = 0
  #retry: NodeJS.Timeout | undefined

  /** Takes over the descriptor. `bufferBytes` limits the lines that are kept. */
  constructor(fd: number, bufferBytes: number, events: LogOutputEvents) {
    this.#fd = fd
    this.#bufferBytes = bufferBytes
    this.#events = events
  }

  write(line: string): void {
    if (this.#fd < 0) return
    const bytes = Buffer.from(line)
    if (this.#kept.length > 0) {
      if (this.#keptBytes + bytes.length > this.#bufferBytes) this.#lose()
      else this.#keep(bytes)
      return
    }
    const rest = this.#tryWrite(bytes)
    // The rest of a line that has been begun is kept whatever its size.
    if (rest.length > 0) this.#keep(rest)
  }

  /** Goes on in another file. What was kept goes there, too. */
  moveTo(fd: number): void {
    closeDestination(this.#fd)
    this.#fd = fd
    this.#flush()
  }

  /** Makes a last attempt to write what was kept. */
  close(): void {
    if (this.#fd < 0) return
    this.#flush()
    clearTimeout(this.#retry)
    closeDestination(this.#fd)
    this.#fd = -1
  }

  #keep(bytes: Buffer): void {
    this.#kept.push(bytes)
    this.#keptBytes += bytes.length
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined
      this.#flush()
    }, RETRY_MS).unref()
  }

  #lose(): void {
    this.#lost++
    this.#events.onLost()
  }

  #flush(): void {
    const lines = this.#kept
    this.#kept = []
    this.#keptBytes = 0
    for (const [index, bytes] of lines.entries()) {
      const rest = this.#tryWrite(bytes)
      if (rest.length === 0) continue
      for (const line of [rest, ...lines.slice(index + 1)]) this.#keep(line)
      return
    }
    const lost = this.#lost
    this.#lost = 0
    if (lost > 0) this.#events.onRecovered(lost)
  }

  /** Returns what could not be written. */
  #tryWrite(bytes: Buffer): Buffer {
    try {
      const written = writeSync(this.#fd, bytes)
      return written === bytes.length ? NOTHING : bytes.subarray(written)
    } catch {
      // Whatever the reason, it may pass: EAGAIN, ENOSPC, EDQUOT, EFBIG, EIO, EPIPE of a named pipe.
      return bytes
    }
  }
}
