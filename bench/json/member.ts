/** Reads parsed JSON whose shape is not known. Pure. */

/** A property of any value; undefined when it is missing or null, which wire formats use interchangeably. */
export function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  const found: unknown = Reflect.get(value, name)
  return found === null ? undefined : found
}
