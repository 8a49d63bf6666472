/**
 * The network between the engines of a fleet, which replaces ZMQ and RDMA. It knows which prefill engine listens at which
 * bootstrap address, and which pairs are broken. The rooms are kept by the schedulers of both sides.
 */

/** What the decode engine receives with the KV cache. */
export interface Handover {
  readonly cachedTokens: number
  /** Whether the KV cache does not belong to the prompt. */
  readonly isGarbage: boolean
}

/** A decode engine, as prefill engines see it. */
export interface DecodePort {
  /** `host:port`; also the session name in messages of transfer errors. */
  readonly name: string
  readonly alive: boolean
  transferred(room: number, handover: Handover): void
  transferFailed(room: number, reason: string): void
}

/** A prefill engine, as decode engines see it. */
export interface PrefillPort {
  readonly name: string
  /** Whether its bootstrap server responds and all ranks have registered there. */
  readonly registered: boolean
  /** Whether its bootstrap server accepts connections but never responds. */
  readonly isSilent: boolean
  /** Called when `decode` has allocated its KV cache for the room. Without a rank, the room decides which one prefills. */
  announced(room: number, decode: DecodePort, rank?: number): void
  /** Called when the decode engine has aborted the request of the room and notifies this engine. */
  abandoned(room: number): void
  /** Called when the decode engine has left the room. Frees memory; it has no effect on requests. */
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

  /** The prefill engine at a bootstrap address; undefined if none has ever listened there. */
  prefillAt(address: string): PrefillPort | undefined {
    return this.#prefills.get(address)
  }

  /** The state of the link from a prefill to a decode engine, by their names. */
  link(prefill: string, decode: string): Link {
    const key = `${prefill} ${decode}`
    const known = this.#links.get(key)
    if (known !== undefined) return known
    const link = { brokenUntilMs: 0 }
    this.#links.set(key, link)
    return link
  }

  /** Repairs the links to a decode engine, which registers again when it restarts. */
  healLinksOf(decode: string): void {
    for (const key of this.#links.keys()) {
      if (key.endsWith(` ${decode}`)) this.#links.delete(key)
    }
  }
}

/** `host:port` without IPv6 brackets. All names of the loopback interface are the same. */
export function bootstrapAddress(host: string, port: number): string {
  const bare = host.startsWith('[') ? host.slice(1, -1) : host
  const isLoopback = bare === 'localhost' || bare === '::1' || bare === '0.0.0.0'
  return `${isLoopback ? '127.0.0.1' : bare}:${port}`
}
