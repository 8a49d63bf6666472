/** Limits of a child process, set by programs that replace themselves with it. */

export interface ProcessLimits {
  /** CPU core to run on, set with `taskset`; unset: any. */
  readonly core?: number
  /** Limit of open files, soft and hard, set with `prlimit`; unset: that of this process. */
  readonly maxOpenFiles?: number
}

/** The beginning of a command line that goes on with the program. The child's pid is that of the program. */
export function limiterOf({ core, maxOpenFiles }: ProcessLimits): readonly string[] {
  return [
    ...(maxOpenFiles === undefined ? [] : ['prlimit', `--nofile=${maxOpenFiles}:${maxOpenFiles}`]),
    ...(core === undefined ? [] : ['taskset', '-c', String(core)]),
  ]
}
