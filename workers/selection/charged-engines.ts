/** Finds the engines that a failure is charged to, in the pair of the attempt. Pure. */
import type { Engine } from '../../src/core/engine.ts'
import type { Charge } from '../classify/failure.ts'
import type { Pair } from './pair-selector.ts'

const NONE: readonly Engine[] = []

/** Both engines for a charge to the pair; one for a charge to an engine, or to a pair that is a single mixed engine. */
export function chargedEngines(charge: Charge, { prefill, decode }: Pair): readonly Engine[] {
  switch (charge.kind) {
    case 'nobody':
      return NONE
    case 'pair':
      return prefill === undefined ? [decode] : [prefill, decode]
    case 'engine': {
      const engine = charge.leg === 'prefill' ? prefill : decode
      return engine === undefined ? NONE : [engine]
    }
  }
}
