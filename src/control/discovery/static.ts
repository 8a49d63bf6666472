/** The engines that the configuration names. */
import type { Config } from '../../config/config.ts'
import type { Role } from '../../core/engine.ts'

/** What is known of an engine before it has been asked. */
export interface EngineSpec {
  readonly url: string
  readonly role: Role
  /** As configured; it wins over what the engine tells. */
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
