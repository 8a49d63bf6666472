/** Exit codes of the bench: a script can tell a bad gateway from a run that says nothing about it. */
export const EXIT = {
  ok: 0,
  /** Something was not answered right. */
  failures: 1,
  /** It could not be run: nobody at the target, or something asked for that cannot be. */
  unusable: 2,
  /** By Ctrl-C or SIGTERM; what there was by then has been printed and written. As shells say it for SIGINT. */
  interrupted: 130,
} as const
