/** A flag that is a whole number within bounds. */

/** @throws RangeError, in words for whoever gave the flag. */
export function boundedInteger(
  name: string,
  text: string,
  [least, most]: readonly [least: number, most: number],
): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < least || value > most)
    throw new RangeError(`--${name} must be a whole number from ${least} to ${most}, not "${text}"`)
  return value
}
