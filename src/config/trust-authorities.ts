/** Adds certificate authorities that the calling thread trusts for TLS connections to engines. */
import { readFileSync } from 'node:fs'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'

/**
 * Call it once in each thread that connects to engines, because Node keeps the list per thread. Node's own authorities
 * remain trusted. `files` are PEM files with one or more certificates each.
 *
 * @throws Error that names the file that cannot be read or contains no certificate
 */
export function trustAuthorities(files: readonly string[]): void {
  if (files.length === 0) return
  setDefaultCACertificates([...getCACertificates('default'), ...files.flatMap(certificatesIn)])
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

function certificatesIn(file: string): string[] {
  const found = readFileSync(file, 'utf8').match(CERTIFICATE)
  if (found === null) throw new Error(`upstream.caFiles: ${file} contains no PEM certificate`)
  return found
}
