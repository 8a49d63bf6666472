import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ConfigError, loadConfig, type Setting } from '../../../src/config/load.ts'
import { staticEngines } from '../../../src/control/discovery/static.ts'

function setting(source: string, key: string, value: unknown): Setting {
  return { source, path: key.split('.'), value }
}

function fileOf(t: TestContext, text: string, name = 'gateway.yaml'): string {
  const folder = mkdtempSync(join(tmpdir(), 'pdgw-config-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, name)
  writeFileSync(file, text)
  return file
}

function issuesOf(sources: Parameters<typeof loadConfig>[0]): readonly string[] {
  try {
    loadConfig(sources)
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.issues
  }
  return []
}

test('a variable overrides the file, and a flag overrides both', t => {
  const file = fileOf(t, 'server: {port: 1, workers: 1, host: a}')
  const config = loadConfig({
    file,
    env: [setting('env', 'server.port', 2), setting('env', 'server.workers', 2)],
    flags: [setting('flag', 'server.port', 3)],
  })
  assert.deepEqual([config.server.port, config.server.workers, config.server.host], [3, 2, 'a'])
})

test('a JSON file is read like a YAML file', t => {
  assert.equal(loadConfig({ file: fileOf(t, '{"server": {"port": 5}}', 'a.json') }).server.port, 5)
})

test('an empty file keeps the defaults', t => {
  assert.deepEqual(loadConfig({ file: fileOf(t, '# nothing\n') }), loadConfig({}))
})

test('the result is deeply frozen', () => {
  const config = loadConfig({ flags: [setting('flag', 'engines.decode', [{ url: 'http://a:1' }])] })
  assert.ok(Object.isFrozen(config.engines.decode[0]))
})

test('issues of the file, the environment and the flags are reported in one error, each with its source', t => {
  const file = fileOf(t, 'server: {port: 70000, prt: 1}\nlog: {level: loud}')
  const issues = issuesOf({
    file,
    env: [setting('variable PDGW_WORKERS', 'server.workers', 'many')],
    flags: [setting('flag --retry-max-retries', 'retry.maxRetries', -1)],
  })
  assert.equal(issues.length, 5)
  const all = issues.join('\n')
  assert.match(all, /^file .*: server\.port: .*got 70000$/m)
  assert.match(all, /^file .*: unknown key server\.prt; docs\/reference\.md lists all keys$/m)
  assert.match(all, /^file .*: log\.level: .*got "loud"$/m)
  assert.match(all, /^variable PDGW_WORKERS: server\.workers: .*got "many"$/m)
  assert.match(all, /^flag --retry-max-retries: retry\.maxRetries: .*got -1$/m)
})

test('an invalid value is reported even if a later source overrides it', t => {
  const issues = issuesOf({
    file: fileOf(t, 'server: {port: x}'),
    flags: [setting('flag', 'server.port', 1)],
  })
  assert.equal(issues.length, 1)
  assert.match(issues[0] ?? '', /^file .*got "x"$/)
})

test('a rule between two keys is checked on the merged configuration, not on each source', t => {
  const file = fileOf(t, 'retry: {initialBackoffMs: 20000}')
  assert.match(issuesOf({ file })[0] ?? '', /maxBackoffMs/)
  assert.deepEqual(issuesOf({ file, flags: [setting('flag', 'retry.maxBackoffMs', 30_000)] }), [])
})

test('a file that is missing, malformed or without sections is rejected', t => {
  assert.match(issuesOf({ file: '/nowhere/at/all.yaml' })[0] ?? '', /cannot be read/)
  assert.match(
    issuesOf({ file: fileOf(t, 'a: [') })[0] ?? '',
    /is not valid YAML or JSON: .* at line 1, column \d+$/,
  )
  assert.match(issuesOf({ file: fileOf(t, '- 1') })[0] ?? '', /must contain sections with keys, not a list/)
})

test('engines of a mode that is not selected are rejected', () => {
  const engines = [{ url: 'http://a:1' }]
  const pd = [setting('f', 'engines.mode', 'pd'), setting('f', 'engines.mixed', engines)]
  assert.match(issuesOf({ flags: pd })[0] ?? '', /engines\.mode is pd/)
  const mixed = [setting('f', 'engines.mode', 'mixed'), setting('f', 'engines.decode', engines)]
  assert.match(issuesOf({ flags: mixed })[0] ?? '', /engines\.mode is mixed/)
})

for (const [listed, mode] of [
  ['mixed', 'mixed'],
  ['prefill', 'pd'],
  ['decode', 'pd'],
] as const) {
  test(`${listed} engines select the mode ${mode}`, () => {
    const flags = [setting('f', `engines.${listed}`, [{ url: 'http://a:1' }])]
    assert.equal(loadConfig({ flags }).engines.mode, mode)
  })
}

test('without engines the mode is mixed, as in other routers, unless it is set', () => {
  assert.equal(loadConfig({}).engines.mode, 'mixed')
  assert.equal(loadConfig({ flags: [setting('f', 'engines.mode', 'pd')] }).engines.mode, 'pd')
})

test('an engine has its own key, or that of all', () => {
  const decode = [{ url: 'http://a:1' }, { url: 'http://b:1', apiKey: 'own' }]
  const { engines } = loadConfig({
    flags: [setting('f', 'engines.apiKey', 'all'), setting('f', 'engines.decode', decode)],
  })
  assert.deepEqual(
    staticEngines(engines).map(({ apiKey }) => apiKey),
    ['all', 'own'],
  )
})

function urlIssues(url: string): readonly string[] {
  return issuesOf({ flags: [setting('f', 'engines.decode', [{ url }])] })
}

test('a URL that is more than an origin is rejected, because the rest would be dropped silently', () => {
  for (const url of [
    'http://a:1/base',
    'http://a:1@2',
    'http://u:p@a:1',
    'http://a:1?b=c',
    'http://a:1/#b',
  ]) {
    assert.match(urlIssues(url).join(), /must be an origin such as/, url)
  }
  for (const url of ['a:1', 'HTTP://a', 'http://a:70000']) assert.equal(urlIssues(url).length, 1, url)
  for (const url of ['http://a:1/', 'https://[::1]:1', 'http://a']) assert.deepEqual(urlIssues(url), [], url)
})

test('an engine that is listed twice is rejected', () => {
  const twice = [{ url: 'http://a:1' }, { url: 'http://a:1/' }]
  assert.match(
    issuesOf({ flags: [setting('f', 'engines.decode', twice)] })[0] ?? '',
    /http:\/\/a:1 is listed twice/,
  )
})
