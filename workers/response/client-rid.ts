/** Replaces the gateway's rid in responses by the one that the client sent. Engines only know the gateway's. */
import { asBuffer } from '../json/bytes.ts'
import { applyEdits, type Edit } from '../json/edit.ts'
import type { ResponseEditor } from './editor.ts'

const HYPHEN = 0x2d

export class ClientRid implements ResponseEditor {
  /** As they appear inside a JSON string. */
  readonly #rids: readonly { readonly gateway: Buffer; readonly client: Buffer }[]

  /** If the client sent a single rid for a batch, prompt i gets `rid_i`, as from engines (SGLang 2026-07). */
  constructor(gatewayRids: readonly string[], clientRid: string | readonly string[], isBatch: boolean) {
    this.#rids = gatewayRids.map((rid, index) => ({
      gateway: Buffer.from(rid),
      client: Buffer.from(JSON.stringify(clientRidOf(clientRid, index, isBatch)).slice(1, -1)),
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
    for (const { gateway, client } of this.#rids) {
      const { length } = gateway
      for (let start = bytes.indexOf(gateway); start >= 0; start = bytes.indexOf(gateway, start + length)) {
        // The first rid of a batch is a prefix of the others.
        if (bytes[start + length] === HYPHEN) continue
        edits.push({ start, end: start + length, replacement: client })
      }
    }
    return edits.length === 0 ? bytes : applyEdits(bytes, edits)
  }
}

function clientRidOf(rid: string | readonly string[], index: number, isBatch: boolean): string {
  if (typeof rid !== 'string') return rid[index] ?? rid[0] ?? ''
  return isBatch ? `${rid}_${index}` : rid
}
