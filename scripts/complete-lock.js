/**
 * Adds missing packages of other systems and processors to package-lock.json. They are optional dependencies of other
 * packages, and npm omits those that a registry mirror does not carry. Without them `npm ci` rejects the lock file on
 * every machine with "Missing: … from lock file". Run it after `npm install --package-lock-only`.
 */
import { readFileSync, writeFileSync } from 'node:fs'

const OS = {
  android: 'android',
  darwin: 'darwin',
  freebsd: 'freebsd',
  linux: 'linux',
  openharmony: 'openharmony',
  win32: 'win32',
}
const CPU = {
  arm64: 'arm64',
  x64: 'x64',
  arm: 'arm',
  ia32: 'ia32',
  ppc64: 'ppc64',
  riscv64: 'riscv64',
  s390x: 's390x',
  wasm32: 'wasm32',
}

const lockUrl = new URL('../package-lock.json', import.meta.url)
const lock = JSON.parse(readFileSync(lockUrl, 'utf8'))

for (const entry of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    lock.packages[`node_modules/${name}`] ??= platformEntry(name, version, entry.dev)
  }
}
const root = lock.packages['']
const packages = Object.entries(lock.packages).filter(([path]) => path !== '')
lock.packages = { '': root, ...Object.fromEntries(packages.toSorted(([a], [b]) => (a < b ? -1 : 1))) }
writeFileSync(lockUrl, `${JSON.stringify(lock, null, 2)}\n`)

function platformEntry(name, version, isDev) {
  const parts = name.split('/').at(-1).split('-')
  const os = parts.map(part => OS[part]).find(Boolean)
  const cpu = parts.map(part => CPU[part]).find(Boolean)
  return {
    version,
    ...(cpu ? { cpu: [cpu] } : {}),
    ...(isDev ? { dev: true } : {}),
    optional: true,
    ...(os ? { os: [os] } : {}),
  }
}
