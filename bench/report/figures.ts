/** Number formats of the tables and the HTML report. Pure. */

const WHOLE = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })

/** 12345 becomes `12,345`. */
export function whole(value: number): string {
  return WHOLE.format(value)
}

/** At least three significant digits, with at most three decimals. */
export function figure(value: number): string {
  const size = Math.abs(value)
  if (size === 0) return '0'
  if (size >= 1000) return whole(value)
  if (size >= 100) return value.toFixed(1)
  return value.toFixed(size >= 10 ? 2 : 3)
}

/** Never rounded up to 100: `99.998%`, not `100.00%`, when one of 50,000 failed. null becomes `-`. */
export function percent(value: number | null): string {
  if (value === null) return '-'
  if (value === 0 || value === 100) return `${value}%`
  const digits = value > 99.99 || value < 0.01 ? 4 : 2
  const scale = 10 ** digits
  return `${(Math.floor(value * scale) / scale).toFixed(digits)}%`
}

export function seconds(value: number): string {
  if (value < 60) return `${value.toFixed(value < 10 ? 2 : 1)} s`
  const [minutes, rest] = [Math.floor(value / 60), Math.floor(value % 60)]
  return minutes < 60 ? `${minutes} min ${rest} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** `3.00 s`, or `3.00 s to 5.20 s` if the two differ. */
export function interval(from: number, to: number): string {
  const [first, last] = [seconds(from), seconds(to)]
  return first === last ? first : `${first} to ${last}`
}

/** `1 request`, `2 requests` */
export function counted(count: number, noun: string): string {
  return `${whole(count)} ${noun}${count === 1 ? '' : 's'}`
}
