/** The values of the bench's flags: what is not one is refused with a sentence. */
import { isIPv6 } from 'node:net'
import { InvalidArgumentError } from 'commander'

/** Eleven days: what timers and totals can hold. */
const MOST_SECONDS = 1_000_000

/** 1, 2, 3 … */
export function count(text: string): number {
  const value = whole(text)
  if (value === 0) throw new InvalidArgumentError('A whole number above 0 is needed.')
  return value
}

/** 0 is one, too. */
export function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('A whole number is needed.')
  return Number(text)
}

/** `inf` is one. */
export function number(text: string): number {
  const value = text === 'inf' ? Infinity : Number(text)
  if (text.trim() === '' || Number.isNaN(value) || value < 0)
    throw new InvalidArgumentError('A number is needed.')
  return value
}

export function positive(text: string): number {
  const value = number(text)
  if (value === 0) throw new InvalidArgumentError('A number above 0 is needed.')
  return value
}

/** A length of time; a part of a second is one, too. */
export function seconds(text: string): number {
  const value = Number(text)
  if (!(value > 0 && value <= MOST_SECONDS))
    throw new InvalidArgumentError(`A number of seconds is needed, above 0 and up to ${MOST_SECONDS}.`)
  return value
}

/** 0 to 1. */
export function share(text: string): number {
  const value = number(text)
  if (value > 1) throw new InvalidArgumentError('A number from 0 to 1 is needed.')
  return value
}

export function yesOrNo(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw new InvalidArgumentError('true or false is needed.')
  return text === 'true'
}

/** Of a target: the load speaks plain HTTP. */
export function targetUrl(text: string): string {
  // `localhost:30000` alone is an address, too: of a scheme named localhost.
  if (!text.includes('://') || !URL.canParse(text))
    throw new InvalidArgumentError('An address such as http://127.0.0.1:30000 is needed.')
  const { protocol, username } = new URL(text)
  if (protocol !== 'http:') throw new InvalidArgumentError('The load speaks http only.')
  if (username !== '') throw new InvalidArgumentError('An address without user and password is needed.')
  if (/[?#]/.test(text)) throw new InvalidArgumentError('An address without ? and # is needed.')
  return text
}

/** Of host and port: an IPv6 address gets its brackets. */
export function targetUrlOf(host: string, port: number): string {
  return `http://${isIPv6(host) ? `[${host}]` : host}:${port}`
}

export function portNumber(text: string): number {
  const value = count(text)
  if (value > 65_535) throw new InvalidArgumentError('A port, 1 to 65535, is needed.')
  return value
}

/** Name or address of a machine. */
export function hostName(text: string): string {
  if (!isIPv6(text) && !/^[\w.-]+$/.test(text))
    throw new InvalidArgumentError('The name or address of a machine is needed.')
  return text
}

export function jsonObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  } catch {
    // Said below.
  }
  throw new InvalidArgumentError('A JSON object is needed.')
}
