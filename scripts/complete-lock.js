/**
 * Adds to package-lock.json the platform packages (os, cpu, libc) that its packages name as optional dependencies
 * and that a registry mirror with a subset of platforms left out. Without those entries `npm ci` refuses the lock
 * file on every machine. Run after `npm install --package-lock-only` wherever `npm ci` reports "Missing: … from lock file".
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
const others = Object.entries(lock.packages).filter(([path]) => path !== '')
lock.packages = { '': root, ...Object.fromEntries(others.toSorted(([a], [b]) => (a < b ? -1 : 1))) }
writeFileSync(lockUrl, `${JSON.stringify(lock, null, 2)}\n`)

function platformEntry(name, version, isDev) {
  const words = name.split('/').at(-1).split('-')
  const os = words.map(word => OS[word]).find(Boolean)
  const cpu = words.map(word => CPU[word]).find(Boolean)
  return {
    version,
    ...(cpu ? { cpu: [cpu] } : {}),
    ...(isDev ? { dev: true } : {}),
    optional: true,
    ...(os ? { os: [os] } : {}),
  }
}
