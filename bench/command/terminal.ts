/** What every bench command gets from the command line. */

export interface BenchTerminal {
  /** Writes to standard output. */
  readonly out: (text: string) => void
  /** Writes to standard error. */
  readonly err: (text: string) => void
  /** Standard error if it is a terminal, so that its last lines can be redrawn. */
  readonly terminal: NodeJS.WriteStream | undefined
  /** Aborts at Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal
}
