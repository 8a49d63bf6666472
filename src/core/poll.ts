/** Polling: checks a state again at a fixed interval, where nothing announces its change. */
import { setTimeout as delay } from 'node:timers/promises'

/** Calls `step` every `everyMs` between `start` and `stop`. */
export class Poll {
  readonly #everyMs: number
  readonly #step: () => void
  #timer: NodeJS.Timeout | undefined

  constructor(everyMs: number, step: () => void) {
    this.#everyMs = everyMs
    this.#step = step
  }

  /** Has no effect while the poll runs. */
  start(): void {
    this.#timer ??= setInterval(this.#step, this.#everyMs)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}

/** Resolves with `true` as soon as a poll finds the condition met, or with `false` after `limitMs`. */
export async function pollUntil(
  condition: () => boolean,
  everyMs: number,
  limitMs: number,
): Promise<boolean> {
  const endMs = performance.now() + limitMs
  while (!condition()) {
    if (performance.now() >= endMs) return false
    await delay(everyMs)
  }
  return true
}
