/** Engines for tests: one builder, a sound engine unless a test says otherwise. */
import { DEFAULT_BOOTSTRAP_PORT, type Engine } from '../../src/core/engine.ts'

export function engineOf(change: Partial<Engine> = {}): Engine {
  const slot = change.slot ?? 0
  return {
    slot,
    generation: 1,
    url: `http://127.0.0.1:${30_000 + slot}`,
    role: 'decode',
    bootstrapHost: '127.0.0.1',
    bootstrapPort: DEFAULT_BOOTSTRAP_PORT,
    models: [],
    maxRunning: undefined,
    maxInputTokens: undefined,
    addresses: [],
    dpSize: 1,
    frontend: undefined,
    isVllm: false,
    pairing: {},
    apiKey: undefined,
    ...change,
  }
}

/** `count` engines in slots 0, 1, 2 ... */
export function enginesOf(count: number): Engine[] {
  return Array.from({ length: count }, (_, slot) => engineOf({ slot }))
}
