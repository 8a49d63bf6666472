/**
 * Names of flags as other routers take them: Python's argparse accepts any beginning of a flag that only one flag has.
 * Unknown flags are all reported at once; commander would name only the first. Pure.
 */
import { NEEDLESS_FLAGS } from './ignored-flags.ts'

export interface FlagNames {
  /** The arguments with full names, without flags that ask for what the gateway does anyway. */
  readonly args: readonly string[]
  /** One for each flag that is unknown, or the beginning of several. */
  readonly issues: readonly string[]
}

const MAX_CANDIDATES = 6

/** `known` are the flags that have an effect or a message of their own, with their dashes. */
export function fullFlagNames(args: readonly string[], known: readonly string[]): FlagNames {
  const needless = NEEDLESS_FLAGS.map(flag => `--${flag}`)
  const all = [...known, ...needless]
  const issues: string[] = []
  const full: string[] = []
  for (const arg of args) {
    const [name = '', ...value] = arg.startsWith('--') && arg !== '--' ? arg.split('=') : []
    if (name === '') {
      full.push(arg)
      continue
    }
    const [match, ...others] = all.includes(name) ? [name] : all.filter(flag => flag.startsWith(name))
    if (match === undefined) issues.push(`unknown option '${name}'${suggestionFor(name, known)}`)
    else if (others.length > 0) issues.push(`ambiguous option '${name}': write ${listOf([match, ...others])}`)
    else if (!needless.includes(match)) full.push([match, ...value].join('='))
  }
  return { args: full, issues }
}

function listOf(flags: readonly string[]): string {
  const shown = flags.slice(0, MAX_CANDIDATES)
  const more = flags.length - shown.length
  return `${shown.join(' or ')}${more > 0 ? ` or ${more} others` : ''}`
}

function suggestionFor(name: string, known: readonly string[]): string {
  const maxDistance = Math.max(2, Math.floor(name.length / 5))
  const distances = known.map(flag => ({ flag, distance: distanceOf(name, flag) }))
  const [best] = distances
    .filter(({ distance }) => distance <= maxDistance)
    .toSorted((a, b) => a.distance - b.distance)
  return best === undefined ? '; --help lists all flags' : `; did you mean ${best.flag}?`
}

/** Levenshtein distance: insertions, deletions and replacements of one character. */
function distanceOf(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1]
    for (let j = 0; j < b.length; j++) {
      const replaced = (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1)
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
