/** The configured engines. */
import type { Config } from '../../config/config.ts'
import type { Role } from '../../core/engine.ts'

/** An engine before it has reported its properties. */
export interface EngineSpec {
  readonly url: string
  readonly role: Role
  /** Configured port, which overrides the port that the engine reports. */
  readonly bootstrapPort: number | undefined
  /** Key that probes and registration send. */
  readonly apiKey: string | undefined
  /** Of an engine that was added; those of a configured one are in the configuration. */
  readonly kvEvents?: string | undefined
  readonly kvEventsReplay?: string | undefined
}

interface ConfiguredEngine {
  readonly url: string
  readonly bootstrapPort?: number | undefined
  readonly apiKey?: string | undefined
}

export function staticEngines({ mode, prefill, decode, mixed, apiKey }: Config['engines']): EngineSpec[] {
  const specsOf = (engines: readonly ConfiguredEngine[], role: Role): EngineSpec[] =>
    engines.map(({ url, bootstrapPort, apiKey: own = apiKey }) => ({ url, role, bootstrapPort, apiKey: own }))
  if (mode === 'mixed') return specsOf(mixed, 'mixed')
  return [...specsOf(prefill, 'prefill'), ...specsOf(decode, 'decode')]
}
