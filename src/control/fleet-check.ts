/** Warns of engines that are registered and still get no requests, because they do not fit the others. Each once. */
import type { Engine } from '../core/engine.ts'
import { unpairedEngines } from '../core/pairing.ts'
import type { Logger } from '../telemetry/log.ts'

/** Engines that start together register one after the other, so a partner may only be late. */
const QUIET_MS = 1500

export class FleetCheck {
  readonly #log: Pick<Logger, 'warn'>
  #changedMs = Infinity
  /** Problems that hold now, each with its engine. */
  #reported = new Set<string>()

  constructor(log: Pick<Logger, 'warn'>) {
    this.#log = log
  }

  /** An engine has been registered, or is another one now. */
  changed(): void {
    this.#changedMs = performance.now()
  }

  /** Must be called again and again. Reports once nothing has changed for a while since the last report. */
  reportWhenQuiet(engines: () => readonly Engine[]): void {
    if (performance.now() < this.#changedMs + QUIET_MS) return
    this.#changedMs = Infinity
    this.report(engines())
  }

  report(engines: readonly Engine[]): void {
    const found = new Set<string>()
    for (const { url, role, error } of problemsOf(engines)) {
      const key = `${role} ${url} ${error}`
      found.add(key)
      if (!this.#reported.has(key)) this.#log.warn({ url, role, error }, 'engine gets no requests')
    }
    this.#reported = found
  }
}

type Problem = Pick<Engine, 'url' | 'role'> & { readonly error: string }

function problemsOf(engines: readonly Engine[]): Problem[] {
  const unpaired = unpairedEngines(engines).map(({ engine: { url, role }, conflict }) => {
    const other = role === 'prefill' ? 'decode' : 'prefill'
    return { url, role, error: `no ${other} engine can work with it (${conflict})` }
  })
  const named = engines.filter(({ models }) => models.length > 0)
  const isUniform = named.every(({ models }) => haveSame(models, named[0]?.models ?? []))
  const unnamed = isUniform ? [] : engines.filter(({ models }) => models.length === 0)
  const unknown = unnamed.map(({ url, role }) => ({
    url,
    role,
    error: 'its model is unknown, and the other engines serve several models',
  }))
  return [...unpaired, ...unknown]
}

function haveSame(models: readonly string[], others: readonly string[]): boolean {
  return models.length === others.length && models.every(model => others.includes(model))
}
