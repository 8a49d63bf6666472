/** What a flag of the command line is, and short forms for the usual ones. */
import type { GivenValue } from '../../config/given-values.ts'

/** A `flag` takes no value. A `list` takes one or more values and may be repeated. */
type Shape = 'flag' | 'number' | 'text' | 'list'

export interface CliOption {
  /** Name without the dashes. */
  readonly flag: string
  readonly shape: Shape
  /** Path of the config key from the root. */
  readonly path: readonly string[]
  readonly group: string
  /** Placeholder of the value in the help. Unset for shape `flag`. */
  readonly placeholder?: string
  /** Replaces the description of the config key. */
  readonly help?: string
  /** Converts the given value to that of the config key. By default the value is used as it is. */
  readonly convert?: (given: GivenValue, warn: (text: string) => void) => unknown
  /** Converts the default of the config key to that of the flag, where their units differ. */
  readonly shownDefault?: (value: unknown) => unknown
}

export const count = (flag: string, path: string, placeholder = 'n') =>
  ({ flag, shape: 'number', path: path.split('.'), placeholder }) as const
export const text = (flag: string, path: string, placeholder: string) =>
  ({ flag, shape: 'text', path: path.split('.'), placeholder }) as const

/** A flag within its group. */
export type CliFlag = Omit<CliOption, 'group'>
