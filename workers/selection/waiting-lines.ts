/**
 * The order of attempts that wait for room: first come, first served, but one that does not fit holds up none that does.
 *
 * Waiters for the same engines (a model, without those to avoid) form a line: where its first finds no room, no other of
 * the line does. Within a line, requests with several waiters (prompts, samples) take turns with the others. A line that
 * is held up may be overtaken `maxOvertakes` times; then its first reserves room.
 */

/** Which engines a waiter needs room on. */
export interface LineKey {
  /** Requests with another model do not compete for the same engines. */
  readonly model: string
  /** Names the engines: the model, and those that are avoided. */
  readonly engines: string
}

/** An attempt that waits for room. */
export interface Waiter {
  /** The exchange that it belongs to. */
  readonly owner: number
  /** Whether it is one of several prompts or samples of the exchange. */
  readonly isSample: boolean
  /** Starts the attempt if there is room. @returns false when there is none, so that it goes on waiting. */
  tryStart(): boolean
  /** Claims the next room on engines that are still full, so that no later attempt takes it. May be repeated. */
  reserve(): void
}

/** The waiters of one exchange in a line. */
interface Party {
  readonly owner: number
  readonly waiters: Set<Waiter>
  /** When it joined the end of the line, as a number that grows. */
  since: number
  /** How often a later attempt has started since. */
  overtaken: number
}

interface Line {
  readonly lineKey: LineKey
  /** By owner, in the order of their turns. */
  readonly parties: Map<number, Party>
}

export class WaitingLines {
  readonly #maxOvertakes: number
  /** By `LineKey.engines`. */
  readonly #lines = new Map<string, Line>()
  #since = 0
  /** Exchanges that wait; one that waits in two lines counts twice. */
  readonly waiting = { whole: 0, sampled: 0 }

  constructor(maxOvertakes: number) {
    this.#maxOvertakes = maxOvertakes
  }

  /** Whether anything waits for these engines. */
  has({ engines }: LineKey): boolean {
    return this.#lines.has(engines)
  }

  add(lineKey: LineKey, waiter: Waiter): void {
    const line = this.#lines.get(lineKey.engines) ?? { lineKey, parties: new Map() }
    this.#lines.set(lineKey.engines, line)
    const party = line.parties.get(waiter.owner)
    if (party !== undefined) return void party.waiters.add(waiter)
    this.#append(line, { owner: waiter.owner, waiters: new Set([waiter]), since: 0, overtaken: 0 })
    this.waiting[waiter.isSample ? 'sampled' : 'whole']++
  }

  get isEmpty(): boolean {
    return this.#lines.size === 0
  }

  /** Does nothing when the waiter is not there. */
  remove(lineKey: LineKey, waiter: Waiter): void {
    const line = this.#lines.get(lineKey.engines)
    const party = line?.parties.get(waiter.owner)
    if (line === undefined || party?.waiters.delete(waiter) !== true || party.waiters.size > 0) return
    line.parties.delete(party.owner)
    this.waiting[waiter.isSample ? 'sampled' : 'whole']--
    if (line.parties.size === 0) this.#lines.delete(lineKey.engines)
  }

  /** Tries all that may fit, in their order. */
  serve(): void {
    const heldUp = new Set<Line>()
    for (let line = this.#next(heldUp); line !== undefined; line = this.#next(heldUp)) {
      const [party] = line.parties.values()
      const [waiter] = party?.waiters ?? []
      if (party === undefined || waiter === undefined) return
      if (party.overtaken >= this.#maxOvertakes) waiter.reserve()
      const { since } = party
      if (!waiter.tryStart()) {
        heldUp.add(line)
        continue
      }
      this.#tookTurn(line, party, waiter)
      this.noteStart(line.lineKey.model, since)
    }
  }

  /** An attempt for the model has started, ahead of all that wait since before `since`. */
  noteStart(model: string, since = Infinity): void {
    for (const { lineKey, parties } of this.#lines.values()) {
      if (lineKey.model !== model) continue
      const [first] = parties.values()
      if (first !== undefined && first.since < since) first.overtaken++
    }
  }

  /** The line whose first has waited longest, without those that are known to be held up. */
  #next(heldUp: ReadonlySet<Line>): Line | undefined {
    let oldest: Line | undefined
    for (const line of this.#lines.values()) {
      if (heldUp.has(line)) continue
      if (oldest === undefined || sinceOf(line) < sinceOf(oldest)) oldest = line
    }
    return oldest
  }

  #tookTurn(line: Line, party: Party, waiter: Waiter): void {
    this.remove(line.lineKey, waiter)
    if (party.waiters.size > 0) this.#append(line, party)
  }

  #append(line: Line, party: Party): void {
    party.since = ++this.#since
    party.overtaken = 0
    line.parties.delete(party.owner)
    line.parties.set(party.owner, party)
  }
}

function sinceOf({ parties }: Line): number {
  const [first] = parties.values()
  return first?.since ?? Infinity
}
