/** Detects that a target stopped accepting connections during the load. Pure. */
import type { Level } from './schema.ts'

/** The time from which no connection succeeded, in seconds from the start; undefined if the target was up at the end. */
export function unreachableSince({ failures, timeline, durationSeconds }: Level): number | undefined {
  const { connect } = failures
  if (connect === undefined) return undefined
  const { stepSeconds, correctPerSecond } = timeline
  const after = correctPerSecond.slice(Math.floor(connect.firstSeconds / stepSeconds) + 1)
  const isToTheEnd = connect.lastSeconds > durationSeconds - stepSeconds
  return isToTheEnd && after.every(rate => rate === 0) ? connect.firstSeconds : undefined
}
