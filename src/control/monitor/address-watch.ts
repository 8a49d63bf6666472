/** The addresses behind the host name of an engine, which change when the engine moves. */
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'

type Lookup = (hostname: string) => Promise<readonly string[]>

const NONE: readonly string[] = []
/** A name server may return a few addresses of many each time, so an address counts until it is missing this often. */
const LOOKUPS = 2

export class AddressWatch {
  readonly #hostname: string
  readonly #lookup: Lookup
  readonly #latest: (readonly string[])[] = []

  constructor(url: string, resolve: Lookup = resolveName) {
    this.#hostname = new URL(url).hostname
    this.#lookup = resolve
  }

  /** In ascending order. Empty for a host that is an address itself, or a name that is not resolved yet. */
  get addresses(): readonly string[] {
    return this.#latest.length === 0 ? NONE : [...new Set(this.#latest.flat())].toSorted()
  }

  /**
   * Resolves the name again. Returns `true` if all addresses that it had are gone, so that the engine may be another one.
   * A name that cannot be resolved keeps its addresses.
   */
  async renew(): Promise<boolean> {
    if (isIP(this.#hostname) !== 0 || this.#hostname.startsWith('[')) return false
    const found = await this.#lookup(this.#hostname).catch(() => NONE)
    if (found.length === 0) return false
    const before = this.#latest.at(-1)
    this.#latest.push(found)
    if (this.#latest.length > LOOKUPS) this.#latest.shift()
    return before !== undefined && !found.some(address => before.includes(address))
  }
}

async function resolveName(hostname: string): Promise<readonly string[]> {
  return (await lookup(hostname, { all: true })).map(({ address }) => address)
}
