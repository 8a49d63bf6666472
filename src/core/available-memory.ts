/** Memory that the process may use. */
import { totalmem } from 'node:os'

/** Bytes of the container's limit, or of the machine if that has less or there is no limit. */
export function availableMemoryBytes(): number {
  // Without a container limit, Node reports 0 or a huge number.
  const constrained = process.constrainedMemory()
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem()
}
