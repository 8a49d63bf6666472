/** Replaces the gateway's rid in responses by the one that the client sent. Engines only know the gateway's. */
import { asBuffer } from '../json/bytes.ts'
import { applyEdits, type Edit } from '../json/edit.ts'
import type { ResponseEditor } from './editor.ts'

export class ClientRid implements ResponseEditor {
  readonly #gatewayRid: Buffer
  /** As it appears inside a JSON string. */
  readonly #clientRid: Buffer

  constructor(gatewayRid: string, clientRid: string) {
    this.#gatewayRid = Buffer.from(gatewayRid)
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
    const rid = this.#gatewayRid
    for (let start = bytes.indexOf(rid); start >= 0; start = bytes.indexOf(rid, start + rid.length))
      edits.push({ start, end: start + rid.length, replacement: this.#clientRid })
    return edits.length === 0 ? bytes : applyEdits(bytes, edits)
  }
}
