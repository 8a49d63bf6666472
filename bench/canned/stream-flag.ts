/** Finds `"stream":true` in a request body that arrives in parts, without buffering the body. */

const MARKERS = ['"stream":true', '"stream": true']
/** The most bytes of a marker that can lie on one side of a boundary between parts. */
const OVERLAP = '"stream": true'.length - 1

export class StreamFlag {
  #found = false
  #tail = Buffer.alloc(0)

  /** True once a marker was found in a part or across a boundary. Keeps no view of `part`. */
  scan(part: Buffer): boolean {
    if (this.#found) return true
    const boundary = Buffer.concat([this.#tail, part.subarray(0, OVERLAP)])
    this.#found = hasMarker(part) || (this.#tail.length > 0 && hasMarker(boundary))
    this.#tail = Buffer.from((part.length < OVERLAP ? boundary : part).subarray(-OVERLAP))
    return this.#found
  }
}

function hasMarker(bytes: Buffer): boolean {
  return MARKERS.some(marker => bytes.includes(marker))
}
