/**
 * Connects a pair the way SGLang does: both engines get the same bootstrap host, port and room, through which they find
 * each other.
 *
 * Generates everything that must be new for each attempt, so that no attempt can reuse a room.
 */
import type { Engine } from '../../src/core/engine.ts'
import type { Random } from '../../src/core/random.ts'
import type { Injection } from '../request/engine-body.ts'
import { newRid, newRids, newRoom } from '../request/ids.ts'

/** `batchSize` is `undefined` for a single prompt. A batch gets lists of that length: each prompt has a rid and a room. */
export function injectBootstrap(prefill: Engine, batchSize: number | undefined, random: Random): Injection {
  const { bootstrapHost, bootstrapPort } = prefill
  if (batchSize === undefined) {
    return { rid: newRid(), bootstrapHost, bootstrapPort, bootstrapRoom: newRoom(random) }
  }
  const perPrompt = <T>(create: () => T): T[] => Array.from({ length: batchSize }, create)
  return {
    rid: newRids(batchSize),
    bootstrapHost: perPrompt(() => bootstrapHost),
    bootstrapPort: perPrompt(() => bootstrapPort),
    bootstrapRoom: perPrompt(() => newRoom(random)),
  }
}
