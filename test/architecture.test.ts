/** The import table of ARCHITECTURE.md, enforced: folders import downwards, externals come in at one place. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'
import { EXTERNALS, MAY_IMPORT, SINGLE_EDGES } from './support/import-table.ts'

const ROOT = join(import.meta.dirname, '..')

for (const path of globSync(['src/**/*.ts', 'workers/**/*.ts', 'bench/**/*.ts'], { cwd: ROOT })) {
  const source = readFileSync(join(ROOT, path), 'utf8')
  const folder = folderOf(path)

  test(`${path} imports only what ${folder} may`, () => {
    for (const specifier of specifiersOf(source)) {
      if (specifier.startsWith('.')) {
        const target = folderOf(normalize(join(dirname(path), specifier)))
        const allowed =
          target === folder || MAY_IMPORT[folder]?.includes(target) || SINGLE_EDGES[path] === target
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

test('only the helper that does it safely resets a socket', () => {
  const places = globSync('{src,workers,bench,test}/**/*.ts', { cwd: ROOT }).filter(path =>
    readFileSync(join(ROOT, path), 'utf8').includes('.resetAndDestroy('),
  )
  assert.deepEqual(
    places.filter(path => path !== 'test/architecture.test.ts'),
    ['bench/simulator/reset-socket.ts'],
  )
})

function mayUse(path: string, specifier: string): boolean {
  const places = EXTERNALS[specifier] ?? []
  return places.some(place => (place.endsWith('/') ? path.startsWith(place) : path === place))
}

function specifiersOf(source: string): string[] {
  return [
    ...source.matchAll(/^(?:import|export)[^'"]*?from '([^']+)'|^import '([^']+)'|import\('([^']+)'\)/gm),
  ].map(match => match[1] ?? match[2] ?? match[3] ?? '')
}

/** `src/policy/pair.ts` -> `src/policy`; `workers/upstream/pool.ts` -> `workers`; `src/main.ts` -> `src`. */
function folderOf(path: string): string {
  const parts = path.split('/')
  return parts[0] === 'src' ? parts.slice(0, Math.min(2, parts.length - 1)).join('/') : (parts[0] ?? '')
}
