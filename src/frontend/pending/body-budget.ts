/**
 * Bounds the bytes of all request bodies that are held at once: those under way, in the queue, and of running requests.
 *
 * Small bodies and large ones have shares of their own, so that uploads of large bodies never refuse small requests:
 *
 *   small     a quarter. A body beyond it is refused.
 *   waiting   a quarter: what paused uploads of large bodies have brought already. An upload beyond it is refused.
 *   granted   a half: large bodies that have been granted memory for their whole length, so that they never wait for each
 *             other half-way. An upload that does not fit is paused, so that TCP makes its client wait; those that fit may
 *             overtake it. A body larger than the share gets its turn when no other is granted.
 *
 * Pure but for the callbacks of uploads.
 */

export interface BudgetedUpload {
  /** Stops and goes on reading from the client. */
  pause(): void
  resume(): void
}

/** Bodies up to this size are small. */
export const SMALL_BODY_BYTES = 262_144
/** Waiting uploads that are considered when room is made, so that a release costs the same however many wait. */
const MAX_CONSIDERED = 32

interface UploadState {
  kind: 'small' | 'waiting' | 'granted'
  /** What it counts with. */
  countedBytes: number
  readonly expectedBytes: number
}

export class BodyBudget {
  readonly #limits: Readonly<Record<UploadState['kind'], number>>
  readonly #counted = { small: 0, waiting: 0, granted: 0 }
  /** Uploads under way, oldest first. */
  readonly #uploads = new Map<BudgetedUpload, UploadState>()
  /** Those that wait, in the order in which they began to. */
  readonly #waiting = new Map<BudgetedUpload, UploadState>()

  constructor(limitBytes: number) {
    const quarter = Math.floor(limitBytes / 4)
    this.#limits = { small: quarter, waiting: quarter, granted: limitBytes - 2 * quarter }
  }

  /** A large body counts with its whole length as soon as it is granted. */
  get heldBytes(): number {
    return this.#counted.small + this.#counted.waiting + this.#counted.granted
  }

  /**
   * `expectedBytes`: the length of the body, or its limit if the length is unknown; then `isKnown` is false, and the body
   * counts as small until it is not. Returns whether the upload may begin, which it may do paused.
   */
  start(upload: BudgetedUpload, expectedBytes: number, isKnown: boolean): boolean {
    const isSmall = !isKnown || expectedBytes <= SMALL_BODY_BYTES
    const state: UploadState = { kind: isSmall ? 'small' : 'waiting', countedBytes: 0, expectedBytes }
    const reserved = isSmall ? Math.min(expectedBytes, SMALL_BODY_BYTES) : 0
    if (this.#counted[state.kind] + reserved > this.#limits[state.kind]) return false
    this.#uploads.set(upload, state)
    this.#count(state, reserved)
    if (!isSmall) this.#askFor(upload, state)
    return true
  }

  /** The upload now holds this many bytes. Pauses it if it must wait. Returns false if it must be refused. */
  hold(upload: BudgetedUpload, heldBytes: number): boolean {
    const state = this.#uploads.get(upload)
    if (state === undefined || state.kind === 'granted') return true
    if (state.kind === 'small') {
      if (heldBytes <= SMALL_BODY_BYTES) return true
      this.#move(state, 'waiting', heldBytes)
      this.#askFor(upload, state)
    } else this.#count(state, heldBytes)
    return !this.isPaused(upload) || this.#counted.waiting <= this.#limits.waiting
  }

  isPaused(upload: BudgetedUpload): boolean {
    return this.#waiting.has(upload)
  }

  /** Uploads that have been granted memory, the one that was granted it first first. They give way when others wait for too long. */
  *granted(): Iterable<BudgetedUpload> {
    for (const [upload, { kind }] of this.#uploads) if (kind === 'granted') yield upload
  }

  /** The body is complete. Its bytes are held until `release`. */
  complete(upload: BudgetedUpload, bodyBytes: number): void {
    this.#forget(upload)
    this.#counted[kindOf(bodyBytes)] += bodyBytes
    this.#grant()
  }

  /** The upload has failed, and what it held is free. */
  drop(upload: BudgetedUpload): void {
    this.#forget(upload)
    this.#grant()
  }

  /** Bytes of a complete body are free. */
  release(bodyBytes: number): void {
    this.#counted[kindOf(bodyBytes)] -= bodyBytes
    this.#grant()
  }

  #askFor(upload: BudgetedUpload, state: UploadState): void {
    if (this.#tryGrant(upload, state)) return
    this.#waiting.set(upload, state)
    upload.pause()
  }

  #tryGrant(upload: BudgetedUpload, state: UploadState): boolean {
    const { granted } = this.#counted
    if (granted > 0 && granted + state.expectedBytes > this.#limits.granted) return false
    this.#move(state, 'granted', state.expectedBytes)
    // The order of the grants.
    this.#uploads.delete(upload)
    this.#uploads.set(upload, state)
    return true
  }

  #grant(): void {
    let considered = 0
    for (const [upload, state] of this.#waiting) {
      if (++considered > MAX_CONSIDERED) return
      if (!this.#tryGrant(upload, state)) continue
      this.#waiting.delete(upload)
      upload.resume()
    }
  }

  #move(state: UploadState, kind: UploadState['kind'], bytes: number): void {
    this.#count(state, 0)
    state.kind = kind
    this.#count(state, bytes)
  }

  #count(state: UploadState, bytes: number): void {
    this.#counted[state.kind] += bytes - state.countedBytes
    state.countedBytes = bytes
  }

  #forget(upload: BudgetedUpload): void {
    const state = this.#uploads.get(upload)
    if (state === undefined) return
    this.#count(state, 0)
    this.#uploads.delete(upload)
    this.#waiting.delete(upload)
  }
}

function kindOf(bodyBytes: number): 'small' | 'granted' {
  return bodyBytes <= SMALL_BODY_BYTES ? 'small' : 'granted'
}
