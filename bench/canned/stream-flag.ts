/** Finds `"stream":true` in a request body that arrives in parts, without keeping the body. */

const MARKERS = ['"stream":true', '"stream": true']
/** A marker that lies across a border has at most this many bytes on either side of it. */
const OVERLAP = '"stream": true'.length - 1

export class StreamFlag {
  #found = false
  #tail = Buffer.alloc(0)

  /** True once a marker was seen in this part, in an earlier one, or across their border. Keeps no view of `part`. */
  scan(part: Buffer): boolean {
    if (this.#found) return true
    const border = Buffer.concat([this.#tail, part.subarray(0, OVERLAP)])
    this.#found = hasMarker(part) || (this.#tail.length > 0 && hasMarker(border))
    this.#tail = Buffer.from((part.length < OVERLAP ? border : part).subarray(-OVERLAP))
    return this.#found
  }
}

function hasMarker(bytes: Buffer): boolean {
  return MARKERS.some(marker => bytes.includes(marker))
}
