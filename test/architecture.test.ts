/** The import table of ARCHITECTURE.md, enforced: folders import downwards, externals come in at one place. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'
import { EXTERNALS, MAY_IMPORT, SINGLE_EDGES } from './support/import-table.ts'

const ROOT = join(import.meta.dirname, '..')

const SOURCES = globSync(['src/**/*.ts', 'workers/**/*.ts', 'bench/**/*.ts'], { cwd: ROOT })

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
        assert.ok(!builtinModules.includes(specifier), `${specifier} lacks its node: prefix`)
        assert.ok(mayUse(path, specifier), `${specifier} is not imported here`)
      }
    }
  })
}

test('the table itself has no cycle', () => {
  const above: string[] = []
  for (const [folder, allowed] of Object.entries(MAY_IMPORT)) {
    for (const target of allowed)
      assert.ok(above.includes(target), `${folder} names ${target}, which is below it`)
    above.push(folder)
  }
})

test('every row of the table is a folder, and names only what it uses', () => {
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
      `${folder} no longer imports these`,
    )
  }
})

test('no file imports itself over others, types included', () => {
  const done = new Set<string>()
  const visit = (path: string, way: readonly string[]): void => {
    assert.ok(!way.includes(path), `import cycle: ${[...way.slice(way.indexOf(path)), path].join(' -> ')}`)
    if (done.has(path)) return
    for (const target of importsOf(path)) visit(target, [...way, path])
    done.add(path)
  }
  for (const path of SOURCES) visit(path, [])
})

test('only the helper that does it safely resets a socket', () => {
  const places = globSync('{src,workers,bench,test}/**/*.ts', { cwd: ROOT }).filter(path =>
    readFileSync(join(ROOT, path), 'utf8').includes('.resetAndDestroy('),
  )
  assert.deepEqual(
    places.filter(path => path !== 'test/architecture.test.ts'),
    ['src/simulator/http/reset-socket.ts'],
  )
})

function mayUse(path: string, specifier: string): boolean {
  const places = EXTERNALS[specifier] ?? []
  return places.some(place => (place.endsWith('/') ? path.startsWith(place) : path === place))
}

/** The files of ours that a file imports, from the root of the repository. */
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
