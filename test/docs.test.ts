/** The documents agree with the code: generated files, commands, flags, endpoints, keys, metrics, codes, imports, links. */
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { Command } from 'commander'
import { addBenchCommands } from '../bench/cli/bench.ts'
import { LABS } from '../lab/labs.ts'
import { labProgram } from '../lab/program.ts'
import { IGNORED_FLAGS, NEEDLESS_FLAGS } from '../src/cli/compat/ignored-flags.ts'
import { REJECTED_FLAGS } from '../src/cli/compat/rejected-flags.ts'
import { systemDependencies } from '../src/cli/dependencies.ts'
import { configSchemaText, referenceText } from '../src/cli/reference.ts'
import { addSimulateOptions } from '../src/cli/simulate.ts'
import { configKeys } from '../src/config/key-list.ts'
import { loadConfig } from '../src/config/load.ts'
import { errorTable } from '../src/core/errors.ts'
import { servedRoutes } from '../src/frontend/intake/routes.ts'
import { PRESETS } from '../src/simulator/presets.ts'
import { knobsSchema } from '../src/simulator/settings/knobs.ts'
import { metricTable } from '../src/telemetry/metric-catalogue.ts'
import { EXTERNALS, MAY_IMPORT, SINGLE_EDGES } from './support/import-table.ts'
import { anchors, fencedText, links, section, tableRows, tables, ticked } from './support/markdown.ts'

const ROOT = join(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const README = read('README.md')
const GENERATED = 'docs/reference.md'
const DOCUMENTS = globSync(['*.md', 'docs/*.md'], { cwd: ROOT })
/** Documents written by hand, as pairs of path and text. */
const WRITTEN = DOCUMENTS.filter(path => path !== GENERATED).map(path => [path, read(path)] as const)

/** Flags of other programs in the documents: SGLang, npm, Node and V8. */
const OTHER_FLAGS = [
  'model-path',
  'admin-api-key',
  'disaggregation-mode',
  'disaggregation-bootstrap-port',
  'enable-metrics',
  'page-size',
  'kv-events-config',
  'enable-cache-report',
  'package-lock-only',
  'omit',
  'test',
  'no-allocation-site-pretenuring',
]

/** Documents about programs other than the gateway. */
const OTHER_PROGRAMS = new Set(['docs/bench.md', 'docs/benchmarks.md', 'docs/simulator.md'])

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

test('config/sglang-pd.yaml shows the defaults where it says so', () => {
  const [given, byDefault] = [loadConfig({ file: join(ROOT, 'config/sglang-pd.yaml') }), loadConfig({})]
  for (const part of ['retry', 'timeouts', 'health'] as const)
    assert.deepEqual(given[part], byDefault[part], part)
})

test('the first command of README.md starts the gateway, and another one runs the tests', () => {
  const commands = [...README.matchAll(/^```sh\n([\s\S]*?)\n```$/gm)].map(match => match[1])
  assert.equal(commands[0], 'npm ci && npm start')
  assert.ok(commands.includes('npm ci && npm test'))
})

test('every npm script that a document names is in package.json', () => {
  const { scripts } = packageJson()
  for (const document of DOCUMENTS) {
    const named = [...read(document).matchAll(/\bnpm (?:run ([\w:]+)|(start|test)\b)/g)]
    for (const [text, run, short] of named)
      assert.ok(scripts[run ?? short ?? ''], `${document}: there is no script for "${text}"`)
  }
})

test('scripts that run until they are stopped get the signals of npm, without a shell between', () => {
  const { scripts } = packageJson()
  const names = Object.keys(scripts).filter(name => /^bench(?:$|:)/.test(name))
  assert.ok(names.includes('bench'))
  for (const name of ['start', ...names]) assert.match(scripts[name] ?? '', /^exec node /, name)
})

test('README.md fits into 180 lines', () => {
  assert.ok(README.trimEnd().split('\n').length <= 180)
})

function labFlags(): string[] {
  const deps = { out: () => undefined, env: {}, signals: process, exit: () => undefined }
  return labProgram(LABS, deps).commands.flatMap(({ options }) => options.map(option => option.name()))
}

test('every flag that a document names exists', () => {
  const known = new Set([...ownFlags().keys(), ...compatFlags(), ...labFlags(), ...OTHER_FLAGS])
  for (const [document, text] of WRITTEN) {
    for (const [, flag = ''] of text.matchAll(/(?<![\w-])--([a-z][a-z-]*)/g))
      assert.ok(known.has(flag), `${document}: there is no flag --${flag}`)
  }
})

test('the defaults in tables of flags are those of the code', () => {
  const [gateway, all] = [gatewayFlags(), ownFlags()]
  const rows = WRITTEN.flatMap(([document, text]) =>
    tables(text)
      .filter(({ head }) => head.join() === 'flag,default,meaning')
      .flatMap(table => table.rows.map(row => [document, ...row] as const)),
  )
  assert.ok(rows.length > 12)
  for (const [document, cell = '', byDefault = ''] of rows) {
    for (const [, flag = ''] of cell.matchAll(/--([a-z-]+)/g)) {
      // A bench or a simulator may have a flag of the same name with a default of its own.
      const defaults = (OTHER_PROGRAMS.has(document) ? all : gateway).get(flag) ?? new Set()
      assert.ok(
        defaults.has(byDefault === 'all' ? '' : byDefault.replaceAll('`', '')),
        `${document}: --${flag} has the default ${[...defaults].join(' or ')}`,
      )
    }
  }
})

test('every knob and preset of the simulator that its document names exists', () => {
  const known = new Set([...Object.keys(knobsSchema.shape), ...Object.keys(PRESETS)])
  const text = read('docs/simulator.md')
  const words = [...ticked(section(text, 'Presets')), ...ticked(section(text, 'Knobs'))]
  const names = words.filter(word => /^[a-zA-Z]+$/.test(word))
  assert.ok(names.length > 8)
  for (const [, document] of WRITTEN)
    for (const [, knob = ''] of document.matchAll(/--knob (\w+)=(?!value)/g)) names.push(knob)
  for (const name of names) assert.ok(known.has(name), `there is no knob or preset ${name}`)
  for (const [document, content] of WRITTEN)
    for (const [, preset = ''] of content.matchAll(/--preset ([a-z]+)\b/g))
      assert.ok(preset === 'name' || preset in PRESETS, `${document}: there is no preset ${preset}`)
})

test('every metric that a document names exists', () => {
  const known = new Set(metricTable().map(({ name }) => name))
  const named = WRITTEN.flatMap(([, text]) => [...text.matchAll(/pdgw_\w+/g)].map(([name]) => name))
  assert.ok(named.length > 8)
  for (const name of named) assert.ok(known.has(name), `there is no metric ${name}`)
})

test('every error code that a document names exists', () => {
  const known = new Set(errorTable().map(({ code }) => code))
  const outcomes = new Set(['client-error', 'engine-error', 'gateway-error'])
  const paths = ['docs/retries-and-failures.md', 'docs/overload.md', 'docs/operating.md', 'docs/limits.md']
  const named = paths.flatMap(path =>
    ticked(read(path)).filter(word => /^(?!x-)[a-z]+(?:-[a-z]+)+$/.test(word)),
  )
  const examples = WRITTEN.flatMap(([, text]) =>
    [...text.matchAll(/"code":"([^"]+)"/g)].map(([, code = '']) => code),
  )
  const codes = [...named.filter(word => !outcomes.has(word)), ...examples]
  assert.ok(codes.length > 6)
  for (const code of codes) assert.ok(known.has(code), `there is no error code ${code}`)
})

test('every command that a document names exists', () => {
  const bench = benchCommand()
  const program = new Set(['demo', 'simulate', 'bench', 'serve', 'reference', 'config-schema'])
  const subcommands = new Set(bench.commands.map(command => command.name()))
  for (const [document, text] of WRITTEN) {
    for (const [, name = ''] of text.matchAll(/bin\/pd-gateway\.js ([a-z][a-z-]*)/g))
      assert.ok(program.has(name), `${document}: there is no command ${name}`)
    for (const [, name = ''] of text.matchAll(/(?:pd-gateway\.js bench|npm run bench --) ([\w-]+)/g))
      assert.ok(name === 'X' || subcommands.has(name), `${document}: there is no bench command ${name}`)
  }
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

test('the table of endpoints is that of the front end', () => {
  const documented = tableRows(section(read('docs/compatibility.md'), 'Endpoints')).flatMap(
    ([paths = '', methods = '']) => ticked(paths).map(path => `${path} ${methods}`),
  )
  const served = servedRoutes().map(({ path, methods }) => `${path} ${methods.join(', ')}`)
  assert.deepEqual(documented.toSorted(), served.toSorted())
})

test('the version of uWebSockets.js in a document is the one in package.json', () => {
  const { dependencies } = packageJson()
  const wanted = dependencies['uWebSockets.js'] ?? ''
  const text = read('docs/compatibility.md')
  assert.ok(text.includes(`\`${wanted}\``), wanted)
  assert.ok(fencedText(text).includes(`#v${wanted.split('@').at(-1)}"`))
})

test('the import tables in ARCHITECTURE.md are those that are enforced', () => {
  const text = section(read('ARCHITECTURE.md'), 'Imports')
  const documented = Object.fromEntries(
    tableRows(text).map(([name = '', listed = '']) => [ticked(name)[0], ticked(listed)]),
  )
  assert.deepEqual(documented, { ...MAY_IMPORT, ...EXTERNALS })
  const list = new Intl.ListFormat('en-GB')
  const prose = text.replaceAll(/\s+/g, ' ')
  for (const [file, folders] of Object.entries(SINGLE_EDGES))
    assert.ok(
      prose.includes(`\`${file}\` imports ${list.format(folders.map(folder => `\`${folder}\``))}`),
      file,
    )
})

for (const document of DOCUMENTS) {
  test(`every link and path in ${document} leads to a file, and to a heading of it`, () => {
    const text = read(document)
    for (const link of links(text).filter(target => !/^https?:/.test(target))) {
      const [path = '', anchor] = link.split('#')
      const target = path === '' ? document : join(dirname(document), path)
      assert.ok(existsSync(join(ROOT, target)), `${link} is not there`)
      if (anchor !== undefined) assert.ok(anchors(read(target)).has(anchor), `${link} is not a heading`)
    }
    const paths = ticked(text).filter(word =>
      /^(?:src|workers|bench|lab|test|config|bin|scripts|docs)\/[\w./-]+$/.test(word),
    )
    for (const path of paths)
      assert.ok(path in MAY_IMPORT || existsSync(join(ROOT, path)), `${path} is not there`)
  })
}

test('a page under docs is linked from README.md', () => {
  const linked = new Set(links(README).map(link => link.split('#')[0]))
  for (const page of globSync('docs/*.md', { cwd: ROOT })) assert.ok(linked.has(page), page)
})

function startNothing(): Promise<never> {
  return Promise.reject(new Error('nothing is started here'))
}

function benchCommand(): Command {
  const deps = { ...systemDependencies(), startGateway: startNothing, startFleet: startNothing }
  return addBenchCommands(new Command(), deps, () => undefined)
}

/** Flags of the gateway, each with its default; empty text for none. */
function gatewayFlags(): Map<string, Set<string>> {
  const flags = new Map<string, Set<string>>(['config', 'help'].map(flag => [flag, new Set([''])]))
  for (const [term = '', , byDefault = ''] of tableRows(section(referenceText(), 'Flags')))
    flags.set(term.replaceAll('`', '').slice(2).split(' ')[0] ?? '', new Set([byDefault.replaceAll('`', '')]))
  return flags
}

/** Flags of all commands, each with its defaults. */
function ownFlags(): Map<string, Set<string>> {
  const flags = gatewayFlags()
  const add = (flag: string, byDefault: unknown): void => {
    const known = flags.get(flag) ?? new Set()
    flags.set(flag, known.add(defaultText(byDefault)))
  }
  const commands = [addSimulateOptions(new Command('simulate')), ...benchCommand().commands]
  for (const { options } of commands) for (const option of options) add(option.name(), option.defaultValue)
  return flags
}

/** Of a flag in the code; lists and switches have none. */
function defaultText(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

function compatFlags(): string[] {
  return [IGNORED_FLAGS, REJECTED_FLAGS].flatMap(flags => Object.values(flags).flat()).concat(NEEDLESS_FLAGS)
}

function packageJson(): Record<'scripts' | 'dependencies', Readonly<Record<string, string>>> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own file; npm would not run without them
  return JSON.parse(read('package.json')) as ReturnType<typeof packageJson>
}
