/** Parsers of flag values. A value that does not fit is refused with a sentence that says what is expected. */
import { isIPv6 } from 'node:net'
import { InvalidArgumentError } from 'commander'
import { parseJson } from '../../src/core/text/parse-json.ts'

/** Eleven days, which timers and totals can hold. */
const MAX_SECONDS = 1_000_000

/** A whole number from 1. */
export function count(text: string): number {
  const value = whole(text)
  if (value === 0) throw new InvalidArgumentError('Expected a whole number above 0.')
  return value
}

/** A whole number from 0. */
export function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('Expected a whole number.')
  return Number(text)
}

/** A parser of whole numbers within bounds. */
export function wholeBetween(min: number, max: number): (text: string) => number {
  return text => {
    const value = Number(text)
    if (text.trim() === '' || !Number.isInteger(value) || value < min || value > max)
      throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`)
    return value
  }
}

/** A number above 0. */
export function positive(text: string): number {
  const value = Number(text)
  if (!(value > 0 && value < Infinity)) throw new InvalidArgumentError('Expected a number above 0.')
  return value
}

/** A number above 0, or `inf`. */
export function positiveOrInf(text: string): number {
  if (text === 'inf') return Infinity
  const value = Number(text)
  if (!(value > 0)) throw new InvalidArgumentError('Expected a number above 0, or inf.')
  return value
}

/** A duration; may be a fraction. */
export function seconds(text: string): number {
  const value = Number(text)
  if (!(value > 0 && value <= MAX_SECONDS))
    throw new InvalidArgumentError(`Expected a number of seconds above 0 and up to ${MAX_SECONDS}.`)
  return value
}

/** A duration that may be 0 or a fraction. */
export function secondsFromZero(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !(value >= 0 && value <= MAX_SECONDS))
    throw new InvalidArgumentError(`Expected a number of seconds from 0 to ${MAX_SECONDS}.`)
  return value
}

/** A number from 0 to 1. */
export function share(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !(value >= 0 && value <= 1))
    throw new InvalidArgumentError('Expected a number from 0 to 1.')
  return value
}

export function yesOrNo(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw new InvalidArgumentError('Expected true or false.')
  return text === 'true'
}

/** A parser of lists of names, separated by commas; the flag may be repeated. */
export function namesOf<T extends string>(
  known: readonly T[],
): (text: string, before?: readonly T[]) => readonly T[] {
  return (text, before = []) => {
    const names = text.split(',').map(name => {
      const found = known.find(candidate => candidate === name)
      if (found === undefined)
        throw new InvalidArgumentError(`Unknown name "${name}"; known names: ${known.join(', ')}.`)
      return found
    })
    return [...before, ...names]
  }
}

/** A URL of a target; only plain HTTP is supported. */
export function targetUrl(text: string): string {
  // `localhost:30000` parses as a URL with the scheme localhost.
  if (!text.includes('://') || !URL.canParse(text))
    throw new InvalidArgumentError('Expected a URL such as http://127.0.0.1:30000.')
  const { protocol, username } = new URL(text)
  if (protocol !== 'http:') throw new InvalidArgumentError('Only http URLs are supported.')
  if (username !== '') throw new InvalidArgumentError('Expected a URL without user and password.')
  if (/[?#]/.test(text)) throw new InvalidArgumentError('Expected a URL without ? and #.')
  return text
}

/** Puts an IPv6 address into brackets. */
export function targetUrlOf(host: string, port: number): string {
  return `http://${isIPv6(host) ? `[${host}]` : host}:${port}`
}

export function portNumber(text: string): number {
  const value = count(text)
  if (value > 65_535) throw new InvalidArgumentError('Expected a port from 1 to 65535.')
  return value
}

export function hostName(text: string): string {
  if (!isIPv6(text) && !/^[\w.-]+$/.test(text))
    throw new InvalidArgumentError('Expected a host name or an IP address.')
  return text
}

export function jsonObject(text: string): Readonly<Record<string, unknown>> {
  const value = parseJson(text)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  throw new InvalidArgumentError('Expected a JSON object.')
}
