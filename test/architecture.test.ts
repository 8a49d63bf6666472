/** Enforces the import table of ARCHITECTURE.md: folders import only folders above them, packages only in listed files. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'
import { EXTERNALS, MAY_IMPORT, SINGLE_EDGES } from './support/import-table.ts'

const ROOT = join(import.meta.dirname, '..')

const SOURCES = globSync('{src,workers,bench,lab}/**/*.ts', { cwd: ROOT })

for (const path of SOURCES) {
  const source = readFileSync(join(ROOT, path), 'utf8')
  const folder = dirname(path)

  test(`${path} imports only what ${folder} may`, () => {
    for (const specifier of specifiersOf(source)) {
      if (specifier.startsWith('.')) {
        const target = dirname(normalize(join(dirname(path), specifier)))
        const allowed =
          target === folder || MAY_IMPORT[folder]?.includes(target) || SINGLE_EDGES[path]?.includes(target)
        assert.ok(allowed, `${folder} may not import ${target} (${specifier})`)
      } else if (!specifier.startsWith('node:')) {
        assert.ok(!builtinModules.includes(specifier), `${specifier} must be imported as node:${specifier}`)
        assert.ok(mayUse(path, specifier), `${specifier} may not be imported in ${path}`)
      }
    }
  })
}

test('a row of the import table names only rows above it', () => {
  const above: string[] = []
  for (const [folder, allowed] of Object.entries(MAY_IMPORT)) {
    for (const target of allowed)
      assert.ok(above.includes(target), `${folder} names ${target}, which is below it`)
    above.push(folder)
  }
})

test('a row of the import table names only folders that are imported', () => {
  const used = new Map<string, Set<string>>()
  for (const path of SOURCES) {
    const folder = dirname(path)
    const targets = used.get(folder) ?? new Set()
    used.set(folder, targets)
    for (const target of importsOf(path)) targets.add(dirname(target))
  }
  for (const [folder, allowed] of Object.entries(MAY_IMPORT)) {
    assert.deepEqual(
      allowed.filter(target => used.get(folder)?.has(target) !== true),
      [],
      `${folder} does not import these folders`,
    )
  }
})

test('no file imports itself through other files, type imports included', () => {
  const done = new Set<string>()
  const follow = (path: string, chain: readonly string[]): void => {
    const start = chain.indexOf(path)
    assert.ok(start < 0, `import cycle: ${[...chain.slice(start), path].join(' -> ')}`)
    if (done.has(path)) return
    for (const target of importsOf(path)) follow(target, [...chain, path])
    done.add(path)
  }
  for (const path of SOURCES) follow(path, [])
})

test('no source file of the product is over 250 lines, and no folder holds more than 15 files', () => {
  const inFolder = new Map<string, number>()
  for (const path of SOURCES.filter(source => !/^(?:bench|lab)\//.test(source))) {
    const lines = readFileSync(join(ROOT, path), 'utf8').split('\n').length - 1
    assert.ok(lines <= 250, `${path} has ${lines} lines`)
    inFolder.set(dirname(path), (inFolder.get(dirname(path)) ?? 0) + 1)
  }
  for (const [folder, files] of inFolder) assert.ok(files <= 15, `${folder} holds ${files} files`)
})

test('only the helper that resets sockets safely does so', () => {
  const users = globSync('{src,workers,bench,lab,test}/**/*.ts', { cwd: ROOT }).filter(path =>
    readFileSync(join(ROOT, path), 'utf8').includes('.resetAndDestroy('),
  )
  assert.deepEqual(
    users.filter(path => path !== 'test/architecture.test.ts'),
    ['src/simulator/http/reset-socket.ts'],
  )
})

function mayUse(path: string, specifier: string): boolean {
  const allowed = EXTERNALS[specifier] ?? []
  return allowed.some(entry => (entry.endsWith('/') ? path.startsWith(entry) : path === entry))
}

/** The files of this repository that a file imports, as paths from its root. */
function importsOf(path: string): string[] {
  return specifiersOf(readFileSync(join(ROOT, path), 'utf8'))
    .filter(specifier => specifier.startsWith('.'))
    .map(specifier => normalize(join(dirname(path), specifier)))
}

function specifiersOf(source: string): string[] {
  return [
    ...source.matchAll(/^(?:import|export)[^'"]*?from '([^']+)'|^import '([^']+)'|import\('([^']+)'\)/gm),
  ].map(match => match[1] ?? match[2] ?? match[3] ?? '')
}
