/** Compares versions of engines. Pure. */

/** Major, minor and patch number. */
export type VersionNumbers = readonly [number, number, number]

/**
 * Whether the version is `first` or a later one. A version that is not made of numbers is that of a build of one's own,
 * of which nothing is known: it counts as recent.
 */
export function isAtLeast(version: string, first: VersionNumbers): boolean {
  const numbers = /^v?(\d+)\.(\d+)(?:\.(\d+))?/
    .exec(version)
    ?.slice(1)
    .map(part => Number(part ?? 0))
  if (numbers === undefined) return true
  const index = first.findIndex((number, position) => numbers[position] !== number)
  return index < 0 || (numbers[index] ?? 0) > (first[index] ?? 0)
}
