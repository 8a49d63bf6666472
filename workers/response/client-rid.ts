/** Gives the client its own rid back, where it sent one: engines know the request by the gateway's. */
import { asBuffer } from '../json/bytes.ts'
import { applyEdits, type Edit } from '../json/edit.ts'
import type { ResponseEditor } from './editor.ts'

const HYPHEN = 0x2d

export class ClientRid implements ResponseEditor {
  /** Ours and the client's, as they stand inside a JSON string. */
  readonly #names: readonly { readonly ours: Buffer; readonly theirs: Buffer }[]

  /** A single rid for a batch names its prompts `rid_0`, `rid_1` and so on, as engines do. */
  constructor(ours: readonly string[], theirs: string | readonly string[], isBatch: boolean) {
    this.#names = ours.map((rid, index) => ({
      ours: Buffer.from(rid),
      theirs: Buffer.from(JSON.stringify(nameOf(theirs, index, isBatch)).slice(1, -1)),
    }))
  }

  editBody(body: Uint8Array): Uint8Array {
    return this.#replace(asBuffer(body))
  }

  editEvents(block: Uint8Array): Uint8Array {
    return this.#replace(asBuffer(block))
  }

  #replace(bytes: Buffer): Uint8Array {
    const edits: Edit[] = []
    for (const { ours, theirs } of this.#names) {
      for (let at = bytes.indexOf(ours); at >= 0; at = bytes.indexOf(ours, at + ours.length)) {
        // The first rid of a batch is the start of the others.
        if (bytes[at + ours.length] === HYPHEN) continue
        edits.push({ start: at, end: at + ours.length, replacement: theirs })
      }
    }
    return edits.length === 0 ? bytes : applyEdits(bytes, edits)
  }
}

function nameOf(theirs: string | readonly string[], index: number, isBatch: boolean): string {
  if (typeof theirs !== 'string') return theirs[index] ?? theirs[0] ?? ''
  return isBatch ? `${theirs}_${index}` : theirs
}
