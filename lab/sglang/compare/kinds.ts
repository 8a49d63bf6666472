/** The kind of a JSON value: its type, or a mark that stands for a value of which only the type is compared. Pure. */

const MARK = /^<(\w+)>$/

/** Stands for a value. */
export function kindMark(value: unknown): string {
  return `<${value === null ? 'null' : typeof value}>`
}

/** The type of a value or of what a mark stands for. Empty lists and objects are `[]` and `{}`. */
export function kindOf(value: unknown): string {
  if (value === '[]') return 'empty list'
  if (value === '{}') return 'empty object'
  const marked = typeof value === 'string' ? MARK.exec(value)?.[1] : undefined
  return marked ?? (value === null ? 'null' : typeof value)
}
