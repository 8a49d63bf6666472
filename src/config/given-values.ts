/** Values of flags and environment variables as the operator gave them, and the names of variables. Pure. */

/** A value from the command line or a variable: a switch, a text or a list of texts. */
export type GivenValue = string | readonly string[] | boolean

/** Environment variable of a flag: `retry-max-retries` becomes `PDGW_RETRY_MAX_RETRIES`. */
export function variableOf(flag: string): string {
  return `PDGW_${flag.toUpperCase().replaceAll('-', '_')}`
}

/** Parses a decimal number. Other text is returned as it is, so that the schema rejects it by name. */
export function numberOrText(text: string): number | string {
  return /^-?\d+(\.\d+)?(e\d+)?$/i.test(text) ? Number(text) : text
}
