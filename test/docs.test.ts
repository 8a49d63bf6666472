/** What the documents say is what the code does: generated files, commands, flags, endpoints, imports, links. */
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { Command } from 'commander'
import { addBenchCommands } from '../bench/cli/bench.ts'
import { systemDependencies } from '../src/cli/dependencies.ts'
import { OPTIONS } from '../src/cli/options.ts'
import { configSchemaText, referenceText } from '../src/cli/reference.ts'
import { addSimulateOptions } from '../src/cli/simulate.ts'
import { configKeys } from '../src/config/catalogue.ts'
import { loadConfig } from '../src/config/load.ts'
import { servedRoutes } from '../src/frontend/intake/routes.ts'
import { PRESETS } from '../src/simulator/presets.ts'
import { knobsSchema } from '../src/simulator/settings/knobs.ts'
import { EXTERNALS, MAY_IMPORT, SINGLE_EDGES } from './support/import-table.ts'
import { fencedText, section, tableRows, ticked } from './support/markdown.ts'

const ROOT = join(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const README = read('README.md')
const DOCUMENTS = globSync(['*.md', 'docs/*.md'], { cwd: ROOT })

/** Flags of `python -m sglang.launch_server` in README.md. */
const ENGINE_FLAGS = ['model-path', 'disaggregation-mode', 'disaggregation-bootstrap-port']

test('docs/reference.md has the flags, keys and error codes of the code', () => {
  assert.equal(read('docs/reference.md'), referenceText(), 'run: pd-gateway reference > docs/reference.md')
})

test('config/schema.json is the schema of the code', () => {
  assert.deepEqual(
    JSON.parse(read('config/schema.json')),
    JSON.parse(configSchemaText()),
    'run: pd-gateway config-schema > config/schema.json',
  )
})

for (const file of globSync('config/*.yaml', { cwd: ROOT })) {
  test(`${file} can be loaded`, () => {
    const { engines } = loadConfig({ file: join(ROOT, file) })
    assert.ok(engines.prefill.length + engines.mixed.length > 0)
  })
}

test('the first two commands of README.md start the gateway and run the tests', () => {
  const commands = [...README.matchAll(/^```sh\n([\s\S]*?)\n```$/gm)].map(match => match[1])
  assert.deepEqual(commands.slice(0, 2), ['npm ci && npm start', 'npm ci && npm test'])
})

test('every npm script that a document names is in package.json', () => {
  const { scripts } = packageJson()
  for (const document of DOCUMENTS) {
    const named = [...read(document).matchAll(/\bnpm (?:run ([\w:]+)|(start|test)\b)/g)]
    for (const [text, run, short] of named)
      assert.ok(scripts[run ?? short ?? ''], `${document}: there is no script for "${text}"`)
  }
})

test('scripts that run until they are stopped hear the signals that npm gets: no shell stands between', () => {
  const { scripts } = packageJson()
  for (const name of ['start', 'bench']) assert.match(scripts[name] ?? '', /^exec node /, name)
})

test('every flag that README.md names exists', () => {
  const simulate = addSimulateOptions(new Command('simulate')).options.map(option => option.name())
  const own = [...OPTIONS.map(option => option.flag), ...simulate, ...benchFlags(), 'config', 'help']
  const known = new Set([...own, ...ENGINE_FLAGS])
  for (const [, flag = ''] of README.matchAll(/(?<![\w-])--([a-z][a-z-]*)/g))
    assert.ok(known.has(flag), `there is no flag --${flag}`)
})

test("the defaults in README.md's table of flags are those of the code", () => {
  const defaults = new Map(tableRows(section(referenceText(), 'Flags')).map(row => [row[0], row[2]]))
  const rows = tableRows(section(README, 'Flags'))
  assert.ok(rows.length > 0)
  for (const [flag = '', byDefault] of rows) assert.equal(byDefault, defaults.get(flag), flag)
})

test('every knob and preset of the simulator that README.md names exists', () => {
  const known = new Set([...Object.keys(knobsSchema.shape), ...Object.keys(PRESETS)])
  const words = ticked(section(README, 'The simulator')).filter(word => /^[a-zA-Z]+$/.test(word))
  assert.ok(words.length > 0)
  for (const word of words) assert.ok(known.has(word), `there is no knob or preset ${word}`)
})

test('every config key that a document names exists', () => {
  const keys = new Set(configKeys().map(({ key }) => key))
  const sections = new Set([...keys].map(key => key.split('.')[0]))
  for (const document of DOCUMENTS) {
    const dotted = ticked(read(document)).filter(word => /^[a-z]+\.[a-zA-Z]+$/.test(word))
    for (const word of dotted.filter(name => sections.has(name.split('.')[0])))
      assert.ok(keys.has(word), `${document}: there is no key ${word}`)
  }
})

test("README.md's table of endpoints is that of the front end", () => {
  const documented = tableRows(section(README, 'Endpoints')).flatMap(([paths = '', methods = '']) =>
    ticked(paths).map(path => `${path} ${methods}`),
  )
  const served = servedRoutes().map(({ path, methods }) => `${path} ${methods.join(', ')}`)
  assert.deepEqual(documented.toSorted(), served.toSorted())
})

test('the version of uWebSockets.js in README.md is the one in package.json', () => {
  const { dependencies } = packageJson()
  const wanted = dependencies['uWebSockets.js'] ?? ''
  assert.ok(README.includes(`\`${wanted}\``), wanted)
  assert.ok(fencedText(README).includes(`#v${wanted.split('@').at(-1)}"`))
})

test('the import tables in ARCHITECTURE.md are the enforced ones', () => {
  const text = section(read('ARCHITECTURE.md'), 'Imports')
  const documented = Object.fromEntries(
    tableRows(text).map(([name = '', places = '']) => [ticked(name)[0], ticked(places)]),
  )
  assert.deepEqual(documented, { ...MAY_IMPORT, ...EXTERNALS })
  for (const [file, folders] of Object.entries(SINGLE_EDGES))
    assert.ok(
      text.includes(`\`${file}\` imports ${folders.map(folder => `\`${folder}\``).join(' and ')}`),
      file,
    )
})

for (const document of DOCUMENTS) {
  test(`every link and path in ${document} leads to a file`, () => {
    const text = read(document)
    const links = [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(match => match[1] ?? '')
    for (const link of links.filter(target => !/^https?:/.test(target)))
      assert.ok(existsSync(join(ROOT, dirname(document), link)), `${link} is not there`)
    const paths = ticked(text).filter(word =>
      /^(?:src|workers|bench|test|config|bin|scripts)\/[\w./-]+$/.test(word),
    )
    for (const path of paths)
      assert.ok(path in MAY_IMPORT || existsSync(join(ROOT, path)), `${path} is not there`)
  })
}

function startNothing(): Promise<never> {
  return Promise.reject(new Error('nothing is started here'))
}

function benchFlags(): string[] {
  const parts = { ...systemDependencies(), startGateway: startNothing, startFleet: startNothing }
  const { commands } = addBenchCommands(new Command(), parts, () => undefined)
  return commands.flatMap(({ options }) => options.map(option => option.name()))
}

function packageJson(): Record<'scripts' | 'dependencies', Readonly<Record<string, string>>> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own file; npm would not run without them
  return JSON.parse(read('package.json')) as ReturnType<typeof packageJson>
}
