/** Roles of which a request needs an engine each. */
import type { Role } from '../core/engine.ts'
import type { Config } from './config.ts'

export function neededRoles({ engines }: Pick<Config, 'engines'>): readonly Role[] {
  return engines.mode === 'pd' ? ['prefill', 'decode'] : ['mixed']
}
