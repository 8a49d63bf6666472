/** Numbers of a command line or an environment. */

/** Text that is no number is left for the schema to refuse. */
export function numberOrText(text: string): number | string {
  return /^-?\d+(\.\d+)?(e\d+)?$/i.test(text) ? Number(text) : text
}
