/** Replaces the gateway's rid in responses by the one that the client sent. Engines only know the gateway's. */
import { asBuffer } from '../json/bytes.ts'
import { applyEdits, type Edit } from '../json/edit.ts'
import type { ResponseEditor } from './editor.ts'

export class ClientRid implements ResponseEditor {
  readonly #gatewayRids: readonly Buffer[]
  /** As it appears inside a JSON string. */
  readonly #clientRid: Buffer

  constructor(gatewayRids: readonly string[], clientRid: string) {
    this.#gatewayRids = gatewayRids.map(rid => Buffer.from(rid))
    this.#clientRid = Buffer.from(JSON.stringify(clientRid).slice(1, -1))
  }

  editBody(body: Uint8Array): Uint8Array {
    return this.#replace(asBuffer(body))
  }

  editEvents(block: Uint8Array): Uint8Array {
    return this.#replace(asBuffer(block))
  }

  #replace(bytes: Buffer): Uint8Array {
    const edits: Edit[] = []
    for (const rid of this.#gatewayRids) {
      for (let start = bytes.indexOf(rid); start >= 0; start = bytes.indexOf(rid, start + rid.length))
        edits.push({ start, end: start + rid.length, replacement: this.#clientRid })
    }
    return edits.length === 0 ? bytes : applyEdits(bytes, edits)
  }
}
