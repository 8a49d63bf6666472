/** Why JSON bytes cannot be read. */

/** The message says what was expected; `position` is the offset in bytes. */
export class JsonSyntaxError extends Error {
  override readonly name = 'JsonSyntaxError'
  readonly position: number

  constructor(position: number, message: string) {
    super(message)
    this.position = position
  }
}

/** The JSON has more members or elements than the caller allows. */
export class JsonLimitError extends Error {
  override readonly name = 'JsonLimitError'
}
