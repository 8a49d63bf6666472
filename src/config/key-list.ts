/** Lists every config key with its type, default and description, taken from the zod sections. For help and docs. */
import { z } from 'zod'
import { configSchema } from './config.ts'

export interface ConfigKey {
  /** `server.port`, `engines.prefill[].url` */
  readonly key: string
  /** Readable type: `integer, 0 to 65535`, `pd or mixed`. */
  readonly type: string
  /** `undefined` if the key has no default. */
  readonly default: unknown
  readonly description: string
}

/** The part of a JSON schema that this module reads. */
interface SchemaNode {
  readonly type?: string
  readonly default?: unknown
  readonly description?: string
  readonly enum?: readonly string[]
  readonly minimum?: number
  readonly exclusiveMinimum?: number
  readonly maximum?: number
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly items?: SchemaNode
}

/** JSON schema of a config file: `config/schema.json`. */
export function configJsonSchema(): SchemaNode {
  return z.toJSONSchema(configSchema, { io: 'input' }) as SchemaNode // oxlint-disable-line typescript/no-unsafe-type-assertion -- zod types it wider; the fields above are JSON Schema's own
}

export function configKeys(): ConfigKey[] {
  return keysOf(configJsonSchema(), '')
}

function keysOf(node: SchemaNode, prefix: string): ConfigKey[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, inner]) => {
    const key = prefix === '' ? name : `${prefix}.${name}`
    if (inner.properties) return keysOf(inner, key)
    const entry: ConfigKey = {
      key,
      type: typeOf(inner),
      default: inner.default,
      description: inner.description ?? '',
    }
    return [entry].concat(inner.items ? keysOf(inner.items, `${key}[]`) : [])
  })
}

function typeOf(node: SchemaNode): string {
  if (node.enum) return node.enum.join(' or ')
  if (node.type === 'array') return 'list'
  if (node.type === 'boolean') return 'true or false'
  if (node.type === 'integer' || node.type === 'number') return `${node.type}${rangeOf(node)}`
  return 'text'
}

function rangeOf(node: SchemaNode): string {
  if (node.exclusiveMinimum !== undefined) return `, more than ${node.exclusiveMinimum}`
  const { minimum, maximum } = node
  // zod writes the largest safe integer if no bound was given.
  if (maximum === undefined || maximum === Number.MAX_SAFE_INTEGER) {
    return minimum === undefined ? '' : `, ${minimum} or more`
  }
  return minimum === undefined ? `, up to ${maximum}` : `, ${minimum} to ${maximum}`
}
