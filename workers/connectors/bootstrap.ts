/**
 * SGLang's way to join a pair: both engines get the same bootstrap host, port and room, and meet there.
 *
 * Everything that is new for each attempt is made here, so that no attempt can inherit a spent room.
 */
import type { Engine } from '../../src/core/engine.ts'
import type { Random } from '../../src/core/random.ts'
import type { Injection } from '../request/engine-body.ts'
import { newRid, newRids, newRoom } from '../request/ids.ts'

/** `batchSize`: `undefined` for a single prompt; a batch gets lists of that length, one rid and room a prompt. */
export function injectBootstrap(prefill: Engine, batchSize: number | undefined, random: Random): Injection {
  const { bootstrapHost, bootstrapPort } = prefill
  if (batchSize === undefined) {
    return { rid: newRid(), bootstrapHost, bootstrapPort, bootstrapRoom: newRoom(random) }
  }
  const each = <T>(make: () => T): T[] => Array.from({ length: batchSize }, make)
  return {
    rid: newRids(batchSize),
    bootstrapHost: each(() => bootstrapHost),
    bootstrapPort: each(() => bootstrapPort),
    bootstrapRoom: each(() => newRoom(random)),
  }
}
