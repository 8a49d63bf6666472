/** Operations on JSON lists as bytes. Their elements are not parsed. */
import { scanArray } from '../json/scan.ts'

/** A list with the elements of both lists. */
export function joinLists(first: Buffer, second: Buffer): Buffer {
  if (isEmptyList(second)) return first
  if (isEmptyList(first)) return second
  return Buffer.concat([first.subarray(0, -1), Buffer.from(','), second.subarray(1)])
}

/** The list without its last element. An empty list is returned unchanged. */
export function withoutLast(list: Buffer): Buffer {
  const { elements } = scanArray(list, 0)
  const kept = elements.at(-2)
  if (elements.length === 0) return list
  return kept === undefined
    ? Buffer.from('[]')
    : Buffer.concat([list.subarray(0, kept.end), Buffer.from(']')])
}

function isEmptyList(list: Buffer): boolean {
  return scanArray(list, 0).elements.length === 0
}
