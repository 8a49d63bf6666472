/** Changes an answer on its way to the client, where the engines could not say what the client must read. */
export interface ResponseEditor {
  editBody(body: Uint8Array): Uint8Array
  /** `block` is a run of whole events, the next of the stream. */
  editEvents(block: Uint8Array): Uint8Array
}
