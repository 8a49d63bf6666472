/** The configured engines. */
import type { Config } from '../../config/config.ts'
import type { Role } from '../../core/engine.ts'

/** An engine before it has reported its properties. */
export interface EngineSpec {
  readonly url: string
  readonly role: Role
  /** Configured port, which overrides the port that the engine reports. */
  readonly bootstrapPort: number | undefined
}

interface ConfiguredEngine {
  readonly url: string
  readonly bootstrapPort?: number | undefined
}

export function staticEngines({ mode, prefill, decode, mixed }: Config['engines']): EngineSpec[] {
  if (mode === 'mixed') return specsOf(mixed, 'mixed')
  return [...specsOf(prefill, 'prefill'), ...specsOf(decode, 'decode')]
}

function specsOf(engines: readonly ConfiguredEngine[], role: Role): EngineSpec[] {
  return engines.map(({ url, bootstrapPort }) => ({ url, role, bootstrapPort }))
}
