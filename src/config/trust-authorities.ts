/** Makes the calling thread trust more certificate authorities when it speaks TLS to engines. */
import { readFileSync } from 'node:fs'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'

/**
 * To be called once in each thread that has connections to engines: Node keeps this list by thread. The authorities
 * that Node knows by itself stay. `files`: PEM, each with one or more certificates.
 *
 * @throws Error naming the file that cannot be read, or that holds no certificate
 */
export function trustAuthorities(files: readonly string[]): void {
  if (files.length === 0) return
  setDefaultCACertificates([...getCACertificates('default'), ...files.flatMap(certificatesIn)])
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

function certificatesIn(file: string): string[] {
  const found = readFileSync(file, 'utf8').match(CERTIFICATE)
  if (found === null) throw new Error(`upstream.caFiles: there is no PEM certificate in ${file}`)
  return found
}
