/**
 * What joins the engines of a fleet in place of ZMQ and RDMA: who listens at which bootstrap address, and
 * how well each pair is connected. Rooms themselves are kept by the two schedulers.
 */

/** What decode hears of prefill's side of a room. */
export interface Handover {
  readonly cachedTokens: number
  /** The KV cache is not that of the prompt. */
  readonly isGarbage: boolean
}

export interface DecodePort {
  /** `host:port`, also the session name in transfer errors. */
  readonly name: string
  readonly isAlive: boolean
  transferred(room: number, handover: Handover): void
  transferFailed(room: number, reason: string): void
}

export interface PrefillPort {
  readonly name: string
  /** Its bootstrap server answers and knows all ranks. */
  readonly isRegistered: boolean
  /** Decode has allocated its cache for the room and says where. */
  announced(room: number, decode: DecodePort): void
  /** Decode has given up the room and says so. */
  abandoned(room: number): void
  /** Decode has left the room without a word; bookkeeping only, no request may notice. */
  forgotten(room: number): void
}

interface Link {
  brokenUntilMs: number
}

export class Fabric {
  readonly #prefills = new Map<string, PrefillPort>()
  readonly #links = new Map<string, Link>()

  register(host: string, port: number, prefill: PrefillPort): void {
    this.#prefills.set(bootstrapAddress(host, port), prefill)
  }

  /** undefined when nothing has ever listened there. */
  prefillAt(address: string): PrefillPort | undefined {
    return this.#prefills.get(address)
  }

  /** State of the way from a prefill to a decode engine, by their names. */
  link(prefill: string, decode: string): Link {
    const key = `${prefill} ${decode}`
    const known = this.#links.get(key)
    if (known !== undefined) return known
    const link = { brokenUntilMs: 0 }
    this.#links.set(key, link)
    return link
  }

  /** A restarted decode engine registers anew: its broken links are whole again. */
  healLinksOf(decode: string): void {
    for (const key of this.#links.keys()) {
      if (key.endsWith(` ${decode}`)) this.#links.delete(key)
    }
  }
}

/** Brackets of IPv6 are dropped, and every name of this machine is one. */
export function bootstrapAddress(host: string, port: number): string {
  const bare = host.startsWith('[') ? host.slice(1, -1) : host
  const isLoopback = bare === 'localhost' || bare === '::1' || bare === '0.0.0.0'
  return `${isLoopback ? '127.0.0.1' : bare}:${port}`
}
