/** Exit codes of the bench commands: scripts can distinguish a failing gateway from a run that could not be made. */
export const EXIT = {
  ok: 0,
  /** Requests failed, or an expectation was not met. */
  failures: 1,
  /** The bench could not run: target unreachable, invalid flags, missing programs. */
  unusable: 2,
  /** Ctrl-C or SIGTERM. Results up to then have been printed and written. The code is that of shells for SIGINT. */
  interrupted: 130,
} as const
