/** Signals for a child together with all the processes that it started. */

/** Signals that no program can act on, and so cannot pass on to the processes that it started. */
const GROUP_SIGNALS = new Set<NodeJS.Signals>(['SIGKILL', 'SIGSTOP', 'SIGCONT'])

/** Whether a signal for the leader of a group is meant for the whole group. */
export function isForGroup(signal: NodeJS.Signals): boolean {
  return GROUP_SIGNALS.has(signal)
}

/**
 * Has no effect once all members have ended. They may outlive their leader, whose pid stays the name of the group until
 * then. A `leader` of 0, a program that could not be started, has no group.
 */
export function killGroup(leader: number, signal: NodeJS.Signals): void {
  if (leader === 0) return
  try {
    process.kill(-leader, signal)
  } catch {
    // No process of the group is left.
  }
}
