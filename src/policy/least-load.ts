/** Choices by load. Of equal engines each has its turn, so that an idle fleet is used evenly, or a key names one. */
import type { Engine } from '../core/engine.ts'
import { engineAt, type Policy, type PolicyView } from './policy.ts'
import { highestRank } from './rendezvous.ts'

/**
 * What a request in flight costs an engine besides its prompt, in bytes of a prompt: decode keeps room in its KV cache for
 * 512 tokens that the request may still generate (SGLang 0.5.23, `--num-reserved-decode-tokens`).
 */
const REQUEST_BYTES = 2048

/**
 * Chooses the engine with the smallest load, which is that of all its prompts and a little for each request: one long
 * prompt weighs as much as many short ones. Decode engines that all report the size of their KV cache are compared by
 * the share of it that is in use.
 */
export const leastLoad: Policy = (engines, view) => smallest(engines, view, loadMeasure(engines, view))

/**
 * Chooses the engine with the smallest load as well, but of equal ones that which the key, 0 to 2^32-1, names: what belongs
 * to the key stays together as long as that costs nothing.
 */
export function leastLoadByKey(engines: readonly Engine[], view: PolicyView, key: number): Engine {
  const loads = engines.map(loadMeasure(engines, view))
  const minLoad = Math.min(...loads)
  const equals = engines.filter((_, index) => loads[index] === minLoad)
  view.reason = equals.length === 1 ? 'load' : 'hashed'
  return highestRank(equals, key)
}

/** Chooses the engine with the fewest requests in flight. */
export const fewestRequests: Policy = (engines, view) =>
  smallest(engines, view, ({ slot }) => view.inFlight(slot))

/**
 * The loads of these engines, which compare with each other only. 0 for an engine that has nothing to do.
 *
 * It is the only measure that counts what comes from other clients and gateways: reports of that are seconds old, and
 * policies that keep prompts together would leave their engine for what is long computed.
 */
export function loadMeasure(engines: readonly Engine[], view: PolicyView): (engine: Engine) => number {
  return measured(engines, ({ slot }) => {
    const bytes = view.work(slot) + view.othersPromptBytes(slot)
    return bytes + REQUEST_BYTES * (view.inFlight(slot) + view.othersRequests(slot))
  })
}

/** What a request with a prompt of this size adds to the load of each of these engines, as `loadMeasure` counts it. */
export function ownLoad(engines: readonly Engine[], promptBytes: number): (engine: Engine) => number {
  return measured(engines, () => promptBytes + REQUEST_BYTES)
}

function measured(
  engines: readonly Engine[],
  bytesOf: (engine: Engine) => number,
): (engine: Engine) => number {
  return engines.every(reportsKvTokens) ? engine => bytesOf(engine) / (engine.kvTokens ?? 1) : bytesOf
}

function smallest(engines: readonly Engine[], view: PolicyView, measure: (engine: Engine) => number): Engine {
  view.reason = 'load'
  const start = view.next() % engines.length
  let best = engineAt(engines, start)
  let bestLoad = measure(best)
  for (let step = 1; step < engines.length && bestLoad > 0; step++) {
    const engine = engineAt(engines, (start + step) % engines.length)
    const load = measure(engine)
    if (load < bestLoad) [best, bestLoad] = [engine, load]
  }
  return best
}

function reportsKvTokens({ role, kvTokens }: Engine): boolean {
  return role === 'decode' && kvTokens !== undefined
}
