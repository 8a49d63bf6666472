/** The import table of ARCHITECTURE.md, enforced: folders import downwards, externals come in at one place. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'

const ROOT = join(import.meta.dirname, '..')

/** Folder -> folders it may import. Read top-down: a folder may only name folders above it, so no cycle fits in. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  'src/core': [],
  'src/config': ['src/core'],
  'src/shared': ['src/core'],
  'src/resilience': ['src/core'],
  'src/policy': ['src/core'],
  'src/messages': ['src/core', 'src/config', 'src/shared'],
  'src/telemetry': ['src/core', 'src/config', 'src/shared'],
  'src/frontend': ['src/core', 'src/config', 'src/shared', 'src/messages', 'src/telemetry'],
  'src/dispatch': ['src/core', 'src/config', 'src/shared', 'src/messages', 'src/telemetry'],
  'src/control': ['src/core', 'src/config', 'src/shared', 'src/messages', 'src/telemetry'],
  workers: [
    'src/core',
    'src/config',
    'src/shared',
    'src/resilience',
    'src/policy',
    'src/messages',
    'src/telemetry',
  ],
  'src/admin': ['src/core', 'src/config', 'src/shared', 'src/messages', 'src/telemetry', 'src/control'],
  bench: [],
  'src/cli': ['src/core', 'src/config', 'src/telemetry', 'bench'],
  src: [
    'src/core',
    'src/config',
    'src/shared',
    'src/messages',
    'src/telemetry',
    'src/frontend',
    'src/dispatch',
    'src/control',
    'src/admin',
    'src/cli',
  ],
}

/** The files that may reach where their folder may not: the gateway's loader of uWS, code that is measured alone. */
const SINGLE_EDGES: Record<string, string> = {
  'bench/canned/uws.ts': 'src/frontend',
  'bench/micro/hot-path.ts': 'workers',
}

/** External package -> the one file that may import it. */
const EXTERNALS: Record<string, RegExp> = {
  'uWebSockets.js': /^(src\/frontend\/uws\.ts|bench\/.*)$/,
  piscina: /^src\/dispatch\/router-threads\.ts$/,
  undici: /^workers\/upstream\//,
  msgpackr: /^src\/messages\/codec\.ts$/,
  pino: /^src\/telemetry\/log\.ts$/,
  zod: /^(src\/config\/.*|bench\/.*)$/,
  mitata: /^bench\/micro\//,
  commander: /^src\/cli\//,
  yaml: /^(src\/config\/load\.ts|bench\/.*)$/,
}

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
        assert.match(path, EXTERNALS[specifier] ?? /^$/, `${specifier} is not imported here`)
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
