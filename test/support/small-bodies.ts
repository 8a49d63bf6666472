/** What a leg gets from an attempt of which all responses are small. */
import type { LargeBodies } from '../../workers/attempt/large-bodies.ts'

export const SMALL_BODIES: LargeBodies = {
  holdMore: () => undefined,
  classifyLater: () => {
    throw new Error('expected no body that is large enough to be classified in steps')
  },
}
