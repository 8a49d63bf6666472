/** Records which engines a request was sent to, and how often, for the response header that the operator may ask for. */
import type { FlatHeaders } from '../src/messages/types.ts'
import type { Pair } from './selection/pair-selector.ts'

export class RouteRecord {
  #attempts = 0
  readonly #keepsAll: boolean
  #urls: string[] = []

  /** With `keepsAll` the engines of all attempts are named, otherwise only those of the last one. */
  constructor(keepsAll: boolean) {
    this.#keepsAll = keepsAll
  }

  attemptStarted({ prefill, decode }: Pair): void {
    this.#attempts++
    if (!this.#keepsAll) this.#urls = []
    for (const engine of [prefill, decode]) {
      if (engine !== undefined && !this.#urls.includes(engine.url)) this.#urls.push(engine.url)
    }
  }

  headers(): FlatHeaders {
    return ['x-pdgw-engines', this.#urls.join(', '), 'x-pdgw-attempts', String(this.#attempts)]
  }
}
