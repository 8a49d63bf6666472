/** Changes a response on its way to the client, where it must differ from what the decode engine sends. */
export interface ResponseEditor {
  editBody(body: Uint8Array): Uint8Array
  /** `block` holds the next whole events of the stream. */
  editEvents(block: Uint8Array): Uint8Array
}
