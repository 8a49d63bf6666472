/** Finds a process that cannot do the work of its role. Pure. */
import type { Role } from '../../core/engine.ts'
import type { EngineInfo } from './engine-info.ts'

/** Why the process at the address of an engine cannot serve the role; `undefined` if nothing speaks against it. */
export function misfitOf(
  role: Role,
  { mode, isGateway }: Pick<EngineInfo, 'mode' | 'isGateway'>,
): string | undefined {
  if (isGateway && role !== 'mixed') return `it is a gateway, not a ${role} engine`
  const isPaired = mode === 'prefill' || mode === 'decode'
  // SGLang's name for a mixed engine. Other names mean nothing here.
  if (mode === undefined || mode === role || (!isPaired && (mode !== 'null' || role === 'mixed')))
    return undefined
  return `it runs in disaggregation mode ${mode}, but its role is ${role}: check its --disaggregation-mode`
}
