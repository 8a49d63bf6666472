/** A plot as plain data, for the script in the page that draws it. */

export interface Axis {
  readonly label: string
  /** Spans only the values instead of starting at 0: for small differences between large values. */
  readonly isTight?: boolean
  /** Positions and labels of the ticks; undefined: round numbers. */
  readonly ticks?: readonly { readonly position: number; readonly label: string }[]
}

export interface Series {
  readonly label: string
  /** Written after each value. */
  readonly unit: string
  /** Colour of the page's palette; `bad` is for failures. */
  readonly colour: 'first' | 'second' | 'third' | 'fourth' | 'bad'
  /** `steps`: a value holds until the next x, and the last value is not drawn. */
  readonly draw: 'line' | 'steps'
  readonly isFilled?: boolean
  /** Uses the axis on the right. */
  readonly isRight?: boolean
  /** null leaves a gap. */
  readonly values: readonly (number | null)[]
}

export interface PlotSpec {
  readonly title: string
  readonly x: Axis
  readonly y: Axis
  readonly right?: Axis
  readonly xs: readonly number[]
  /** Names of the x values; undefined: their numbers. */
  readonly xNames?: readonly string[]
  readonly series: readonly Series[]
}
