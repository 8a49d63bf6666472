/**
 * The text of a large response body without its large values, from which it is classified: parsing the whole would stop the
 * thread, and take many times the memory of the body. Pure.
 *
 * A long text is cut, a long list becomes a list of one; what holds the fields that are read (the objects, the list of
 * choices, the items of a batch, the blocks of a message of Anthropic's API) stays.
 */
import { JsonLimitError } from '../../json/errors.ts'
import { type ScannedValue, scanArray, scanObject } from '../../json/scan.ts'
import { kindAt, skipSpace, skipValue } from '../../json/skip.ts'

/** Values up to this size are kept as they are. */
const SMALL_BYTES = 2048
/** What is kept of a long text: error messages are cut to as much. */
const TEXT_BYTES = 1024
/** Beyond this many members or elements an object or list counts as a long list. */
const MAX_MEMBERS = 4096
/** No response nests deeper what is read. */
const MAX_DEPTH = 8
const LONG_LIST = '[0]'

/** @throws {JsonSyntaxError} where the bytes are not JSON */
export function prunedBody(bytes: Buffer): string {
  const start = skipSpace(bytes, 0)
  const kind = kindAt(bytes, start)
  const root = { kind, start, end: skipValue(bytes, start, kind) }
  return pruned(bytes, root, 'choices', 0)
}

function pruned(bytes: Buffer, value: ScannedValue, key: string, depth: number): string {
  const { kind, start, end } = value
  if (end - start <= SMALL_BYTES) return bytes.toString('utf8', start, end)
  if (kind === 'string') return cutText(bytes, value)
  if (depth > MAX_DEPTH || (kind === 'array' && !isRead(key, depth))) return LONG_LIST
  try {
    return kind === 'object' ? prunedObject(bytes, start, depth) : prunedList(bytes, start, depth)
  } catch (error) {
    if (error instanceof JsonLimitError) return LONG_LIST
    throw error
  }
}

/** Whether the elements of the list with this key hold fields that are read. Logprobs have a `content`, too, further down. */
function isRead(key: string, depth: number): boolean {
  return key === 'choices' || (key === 'content' && depth === 1)
}

function prunedObject(bytes: Buffer, start: number, depth: number): string {
  const members = scanObject(bytes, start, MAX_MEMBERS).members.map(({ key, kind, valueStart, valueEnd }) => {
    const value = pruned(bytes, { kind, start: valueStart, end: valueEnd }, key, depth + 1)
    return `${JSON.stringify(key)}:${value}`
  })
  return `{${members.join(',')}}`
}

function prunedList(bytes: Buffer, start: number, depth: number): string {
  const { elements } = scanArray(bytes, start, MAX_MEMBERS)
  return `[${elements.map(element => pruned(bytes, element, '', depth + 1)).join(',')}]`
}

/** The start of the text, up to the last whole character and escape. */
function cutText(bytes: Buffer, { start }: ScannedValue): string {
  const text = bytes.toString('utf8', start + 1, start + 1 + TEXT_BYTES)
  const escape = text.lastIndexOf('\\')
  const isWhole = escape < 0 || escape < text.length - 6
  return `"${(isWhole ? text : text.slice(0, escape)).replace(/\uFFFD$/, '').replace(/\\+$/, '')}"`
}
