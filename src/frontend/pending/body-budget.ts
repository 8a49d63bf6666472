/**
 * Bounds the bytes of all request bodies that are held at once: those under way, those in the queue, and those of running
 * requests until their response starts.
 *
 * Beyond the limit, uploads are paused, so that TCP makes their clients wait, and they go on in the order of their start as
 * room is made. The oldest upload may exceed the limit by the size of a whole body, because uploads that all wait for each
 * other would never make room. Beyond that a new upload is refused. Pure but for the callbacks of uploads.
 */

export interface BudgetedUpload {
  /** Stops and goes on reading from the client. */
  pause(): void
  resume(): void
}

/** What a paused upload is assumed to bring when it goes on: more than one read of uWebSockets.js mostly brings. */
const STEP_BYTES = 262_144

interface UploadState {
  heldBytes: number
  isPaused: boolean
}

export class BodyBudget {
  readonly #limitBytes: number
  readonly #excessBytes: number
  #heldBytes = 0
  #paused = 0
  /** Uploads under way, oldest first. */
  readonly #uploads = new Map<BudgetedUpload, UploadState>()

  /** `excessBytes`: how far the limit may be exceeded before new uploads are refused. */
  constructor(limitBytes: number, excessBytes: number) {
    this.#limitBytes = limitBytes
    this.#excessBytes = excessBytes
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  /** Whether a new upload must be refused. */
  get isExhausted(): boolean {
    return this.#heldBytes >= this.#limitBytes + this.#excessBytes
  }

  start(upload: BudgetedUpload): void {
    this.#uploads.set(upload, { heldBytes: 0, isPaused: false })
  }

  /** The upload now holds this many bytes. Pauses it if there is no room for more. */
  hold(upload: BudgetedUpload, heldBytes: number): void {
    const state = this.#uploads.get(upload)
    if (state === undefined) return
    this.#heldBytes += heldBytes - state.heldBytes
    state.heldBytes = heldBytes
    if (state.isPaused || this.#heldBytes < this.#limitBytes) return
    if (this.#oldest === upload && !this.isExhausted) return
    state.isPaused = true
    this.#paused++
    upload.pause()
  }

  isPaused(upload: BudgetedUpload): boolean {
    return this.#uploads.get(upload)?.isPaused === true
  }

  /** The largest upload under way, which gives way when others have waited for too long. */
  get largest(): BudgetedUpload | undefined {
    let largest: BudgetedUpload | undefined
    let maxBytes = -1
    for (const [upload, { heldBytes }] of this.#uploads) {
      if (heldBytes <= maxBytes) continue
      largest = upload
      maxBytes = heldBytes
    }
    return largest
  }

  /** The body is complete. Its bytes are held until `release`. */
  complete(upload: BudgetedUpload, heldBytes: number): void {
    this.#heldBytes += heldBytes - this.#forget(upload)
    this.#goOn()
  }

  /** The upload has failed, and what it held is free. */
  drop(upload: BudgetedUpload): void {
    this.#heldBytes -= this.#forget(upload)
    this.#goOn()
  }

  /** Bytes of a complete body are free. */
  release(bytes: number): void {
    this.#heldBytes -= bytes
    this.#goOn()
  }

  get #oldest(): BudgetedUpload | undefined {
    return this.#uploads.keys().next().value
  }

  /** Returns the bytes that it holds. */
  #forget(upload: BudgetedUpload): number {
    const state = this.#uploads.get(upload)
    if (state === undefined) return 0
    this.#uploads.delete(upload)
    if (state.isPaused) this.#paused--
    return state.heldBytes
  }

  /** Lets as many uploads go on as there is room for, and the oldest within the excess. */
  #goOn(): void {
    if (this.#paused === 0 || this.isExhausted) return
    let roomBytes = this.#limitBytes - this.#heldBytes
    for (const [upload, state] of this.#uploads) {
      if (state.isPaused) {
        state.isPaused = false
        this.#paused--
        upload.resume()
        roomBytes -= STEP_BYTES
      }
      if (roomBytes <= 0 || this.#paused === 0) return
    }
  }
}
