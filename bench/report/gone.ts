/** Whether a target went away under its load: from some moment to the end it took no connection. Pure. */
import type { Level } from './schema.ts'

/** Seconds from the start; undefined: it was there to the end. */
export function goneSince({ failures, timeline, durationSeconds }: Level): number | undefined {
  const { connect } = failures
  if (connect === undefined) return undefined
  const { stepSeconds, rightPerSecond } = timeline
  const after = rightPerSecond.slice(Math.floor(connect.firstSeconds / stepSeconds) + 1)
  const isToTheEnd = connect.lastSeconds > durationSeconds - stepSeconds
  return isToTheEnd && after.every(rate => rate === 0) ? connect.firstSeconds : undefined
}
