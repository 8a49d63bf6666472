/** A pause that can be cut short. */
export class Pause {
  #end: (() => void) | undefined
  #isSkipped = false

  /** Resolves after `ms`, or when `end` is called. @throws the reason of the signal if it aborts */
  async start(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, this.#isSkipped ? 0 : ms)
    const onAbort = (): void => resolve()
    signal.addEventListener('abort', onAbort)
    this.#isSkipped = false
    this.#end = resolve
    await promise
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
    this.#end = undefined
    signal.throwIfAborted()
  }

  /** Ends the pause, or the next one if none is running. */
  end(): void {
    if (this.#end === undefined) this.#isSkipped = true
    else this.#end()
  }
}
