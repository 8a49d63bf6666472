/** What flags and environment variables have in common: their values as given, and each other's names. Pure. */

/** A value as given on the command line (a switch, one text, several) or by a variable. */
export type GivenValue = string | readonly string[] | boolean

/** The environment variable of a flag: `retry-max-retries` becomes `PDGW_RETRY_MAX_RETRIES`. */
export function variableOf(flag: string): string {
  return `PDGW_${flag.toUpperCase().replaceAll('-', '_')}`
}
