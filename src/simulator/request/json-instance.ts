/**
 * A document that satisfies a JSON schema: the output of a request with structured output or a tool call. Pure.
 *
 * It is the same for each call with the same schema: objects have all their properties, arrays their fewest items but at
 * least one, numbers their minimum, and the first of several alternatives is taken. Patterns and formats are not followed.
 */
import { type Fields, isFields, RequestError } from './fields.ts'

/** Deeper documents are cut with null, so that a schema that contains itself ends. */
const MAX_DEPTH = 8
const WORD = 'word'

/** @throws RequestError if the schema refers to a definition that it does not have. */
export function instanceOf(schema: unknown): unknown {
  return valueOf(schema, isFields(schema) ? schema : {}, 0)
}

function valueOf(schema: unknown, root: Fields, depth: number): unknown {
  if (depth > MAX_DEPTH) return null
  if (!isFields(schema)) return WORD
  const { $ref: reference, const: constant, enum: choices, default: byDefault } = schema
  if (typeof reference === 'string') return valueOf(definition(reference, root), root, depth + 1)
  if (constant !== undefined) return constant
  if (Array.isArray(choices) && choices.length > 0) return choices[0]
  const alternative = ['anyOf', 'oneOf', 'allOf'].map(name => schema[name]).find(Array.isArray)
  if (alternative !== undefined) return valueOf(alternative[0], root, depth + 1)
  if (byDefault !== undefined) return byDefault
  return typedValue(schema, root, depth)
}

function typedValue(schema: Fields, root: Fields, depth: number): unknown {
  const type = Array.isArray(schema['type']) ? schema['type'][0] : schema['type']
  switch (type ?? (isFields(schema['properties']) ? 'object' : undefined)) {
    case 'object':
      return objectOf(schema, root, depth)
    case 'array': {
      const items = Math.max(1, numberAt(schema, 'minItems', 1))
      return Array.from({ length: items }, () => valueOf(schema['items'], root, depth + 1))
    }
    case 'integer':
      return Math.ceil(lowest(schema))
    case 'number':
      return fractionOf(schema)
    case 'boolean':
      return true
    case 'null':
      return null
    default:
      return stringOf(schema)
  }
}

function objectOf(schema: Fields, root: Fields, depth: number): Fields {
  const properties = isFields(schema['properties']) ? schema['properties'] : {}
  return Object.fromEntries(
    Object.entries(properties).map(([name, inner]) => [name, valueOf(inner, root, depth + 1)]),
  )
}

/** A number that is no integer, if the schema allows one. */
function fractionOf(schema: Fields): number {
  const fraction = lowest(schema) + 0.5
  return fraction <= numberAt(schema, 'maximum', Infinity) ? fraction : lowest(schema)
}

function stringOf(schema: Fields): string {
  const text = WORD.repeat(Math.max(1, Math.ceil(numberAt(schema, 'minLength', 1) / WORD.length)))
  return text.slice(0, numberAt(schema, 'maxLength', text.length))
}

function lowest(schema: Fields): number {
  const above = numberAt(schema, 'exclusiveMinimum', Number.NaN)
  return Number.isNaN(above)
    ? numberAt(schema, 'minimum', Math.min(1, numberAt(schema, 'maximum', 1)))
    : above + 1
}

function numberAt(schema: Fields, name: string, byDefault: number): number {
  const value = schema[name]
  return typeof value === 'number' ? value : byDefault
}

/** What `#/$defs/Name` refers to. */
function definition(reference: string, root: Fields): unknown {
  let value: unknown = root
  for (const name of reference.split('/').slice(1)) value = isFields(value) ? value[name] : undefined
  if (value === undefined) throw new RequestError('value', `Failed to compile the schema: no ${reference}`)
  return value
}
