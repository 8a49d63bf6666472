/** A plot as plain data: all that the script in the page needs to draw it. */

export interface Axis {
  readonly label: string
  /** Spans what there is, not all from 0: for small differences between large values. */
  readonly isTight?: boolean
  /** Where there are ticks, and what stands there; unset: round numbers. */
  readonly ticks?: readonly { readonly at: number; readonly label: string }[]
}

export interface Series {
  readonly label: string
  /** After each value. */
  readonly unit: string
  /** Place in the palette of the page; `bad` is for what went wrong. */
  readonly colour: 'first' | 'second' | 'third' | 'fourth' | 'bad'
  /** steps: a value holds until the next x; the last one is not drawn any more. */
  readonly draw: 'line' | 'steps'
  readonly isFilled?: boolean
  /** Has an axis of its own at the right. */
  readonly isRight?: boolean
  /** null: there is none. */
  readonly values: readonly (number | null)[]
}

export interface PlotSpec {
  readonly title: string
  readonly x: Axis
  readonly y: Axis
  readonly right?: Axis
  readonly xs: readonly number[]
  /** What an x is called; unset: the number. */
  readonly xNames?: readonly string[]
  readonly series: readonly Series[]
}
