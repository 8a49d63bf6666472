/**
 * Connects a pair the way SGLang does: both engines get the same bootstrap host, port and room, through which they find
 * each other.
 *
 * Generates everything that must be new for each attempt, so that no attempt can reuse a room.
 */
import type { Engine } from '../../src/core/engine.ts'
import type { Random } from '../../src/core/random.ts'
import type { Injection } from '../request/engine-body.ts'
import { newRid, newRoom } from './ids.ts'

export function injectBootstrap({ bootstrapHost, bootstrapPort }: Engine, random: Random): Injection {
  return { rid: newRid(), bootstrapHost, bootstrapPort, bootstrapRoom: newRoom(random) }
}
