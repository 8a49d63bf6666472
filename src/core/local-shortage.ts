/** Shortages of this machine, which pass: descriptors, ports, memory. No engine is to blame, another would not help. Pure. */
const CODES = new Set(['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'EAGAIN', 'ENOBUFS', 'ENOMEM'])

/** `code`: as the system names what went wrong. */
export function isLocalShortage(code: string): boolean {
  return CODES.has(code)
}
