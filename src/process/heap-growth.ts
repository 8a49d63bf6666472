/**
 * Has old objects collected sooner while many requests are open.
 *
 * What a request holds is among the old objects when it has been open for a second, so what it leaves behind stays until
 * a full collection, and V8 lets old objects about double before it makes one. With few requests open that is little.
 * With thousands it is tens of MiB a thread, when the process is at its largest anyway. With 9,900 open at once the
 * growth below takes 291-332 MiB to 292-296, for about a tenth more CPU a request while it lasts. With few open it would
 * cost half as much again, since there is so little to free each time.
 */
import { setFlagsFromString } from 'node:v8'

const LOOK_MS = 250
const CROWDED_PERCENT = 60
/** V8's own choice. */
const FREE_PERCENT = 0
/** Below this share of the bound the crowd is over. */
const OVER_SHARE = 0.5

/** Pure. `wasCrowded`: what it was before; `fromRequests`: 0 for never. */
export function isCrowded(wasCrowded: boolean, openRequests: number, fromRequests: number): boolean {
  return fromRequests > 0 && openRequests >= fromRequests * (wasCrowded ? OVER_SHARE : 1)
}

/** For all threads of the process. */
export class HeapGrowth {
  readonly #fromRequests: number
  readonly #openRequests: () => number
  readonly #setFlag: (flag: string) => void
  readonly #timer: NodeJS.Timeout
  #isCrowded = false

  /** `fromRequests`: so many make a crowd; 0 for never. `setFlag` is of V8. */
  constructor(fromRequests: number, openRequests: () => number, setFlag = setFlagsFromString) {
    this.#fromRequests = fromRequests
    this.#openRequests = openRequests
    this.#setFlag = setFlag
    this.#timer = setInterval(() => this.look(), LOOK_MS)
    this.#timer.unref()
  }

  close(): void {
    clearInterval(this.#timer)
    this.#set(false)
  }

  look(): void {
    this.#set(isCrowded(this.#isCrowded, this.#openRequests(), this.#fromRequests))
  }

  /** V8 reads the flag when it sets the next limit, at the end of a full collection. */
  #set(crowded: boolean): void {
    if (crowded === this.#isCrowded) return
    this.#isCrowded = crowded
    this.#setFlag(`--heap-growing-percent=${crowded ? CROWDED_PERCENT : FREE_PERCENT}`)
  }
}
