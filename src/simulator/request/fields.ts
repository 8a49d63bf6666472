/** Typed access to the fields of a request body. A field of the wrong type is an error of the client. */

export type Fields = Readonly<Record<string, unknown>>

/**
 * Why a request is rejected with 400: a field of the wrong type (`validation`), one that the schema of `/generate`
 * refuses (`schema`), or one with a wrong value (`value`); with 404: a model that does not exist (`missing`).
 */
type Rejection = 'validation' | 'schema' | 'value' | 'missing'

export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly kind: Rejection

  constructor(kind: Rejection, message: string) {
    super(message)
    this.kind = kind
  }
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function stringOf(fields: Fields, name: string): string | undefined {
  return typed(fields, name, value => (typeof value === 'string' ? value : undefined), 'string')
}

export function numberOf(fields: Fields, name: string): number | undefined {
  return typed(fields, name, value => (typeof value === 'number' ? value : undefined), 'number')
}

export function integerOf(fields: Fields, name: string): number | undefined {
  return typed(fields, name, asInteger, 'integer')
}

export function flagOf(fields: Fields, name: string): boolean {
  return typed(fields, name, value => (typeof value === 'boolean' ? value : undefined), 'boolean') ?? false
}

export function fieldsOf(fields: Fields, name: string): Fields {
  return typed(fields, name, value => (isFields(value) ? value : undefined), 'dictionary') ?? {}
}

/** The value if it is a list of integers, otherwise undefined. */
export function asIntegers(value: unknown): number[] | undefined {
  if (!Array.isArray(value)) return undefined
  const integers = value.map(asInteger)
  return integers.every(integer => integer !== undefined) ? integers : undefined
}

/** The entry for a prompt of a field that is either a list with one entry per prompt or a single value for all. */
export function entryOf(value: unknown, item: number): unknown {
  if (!Array.isArray(value)) return value
  // SGLang does not check the length of lists: a short one fails as in Python.
  if (item >= value.length) throw new RangeError('list index out of range')
  return value[item]
}

function asInteger(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) ? value : undefined
}

function typed<T>(
  fields: Fields,
  name: string,
  read: (value: unknown) => T | undefined,
  wanted: string,
): T | undefined {
  const value = fields[name]
  if (value === undefined || value === null) return undefined
  const result = read(value)
  if (result === undefined) {
    throw new RequestError(
      'validation',
      `1 validation error: body.${name}: Input should be a valid ${wanted}`,
    )
  }
  return result
}
