import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ConfigError, loadConfig, type Setting } from '../../../src/config/load.ts'

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

function faultsOf(sources: Parameters<typeof loadConfig>[0]): readonly string[] {
  try {
    loadConfig(sources)
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.issues
  }
  return []
}

test('an environment wins over a file, a flag over both', t => {
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

test('an empty file leaves the defaults', t => {
  assert.deepEqual(loadConfig({ file: fileOf(t, '# nothing\n') }), loadConfig({}))
})

test('the result is frozen to the innermost value', () => {
  const config = loadConfig({ flags: [setting('flag', 'engines.decode', [{ url: 'http://a:1' }])] })
  assert.ok(Object.isFrozen(config.engines.decode[0]))
})

test('faults of the file, the environment and the flags come in one error, each with its source', t => {
  const file = fileOf(t, 'server: {port: 70000, prt: 1}\nlog: {level: loud}')
  const faults = faultsOf({
    file,
    env: [setting('variable PDGW_WORKERS', 'server.workers', 'many')],
    flags: [setting('flag --retry-max-retries', 'retry.maxRetries', -1)],
  })
  assert.equal(faults.length, 5)
  const all = faults.join('\n')
  assert.match(all, /^file .*: server\.port: .*given 70000$/m)
  assert.match(all, /^file .*: unknown key server\.prt$/m)
  assert.match(all, /^file .*: log\.level: .*given "loud"$/m)
  assert.match(all, /^variable PDGW_WORKERS: server\.workers: .*given "many"$/m)
  assert.match(all, /^flag --retry-max-retries: retry\.maxRetries: .*given -1$/m)
})

test('a faulty value is reported even where a later source replaces it', t => {
  const faults = faultsOf({
    file: fileOf(t, 'server: {port: x}'),
    flags: [setting('flag', 'server.port', 1)],
  })
  assert.equal(faults.length, 1)
  assert.match(faults[0] ?? '', /^file .*given "x"$/)
})

test('a rule between two keys is checked on the whole, not on each source', t => {
  const file = fileOf(t, 'retry: {initialBackoffMs: 20000}')
  assert.match(faultsOf({ file })[0] ?? '', /maxBackoffMs/)
  assert.deepEqual(faultsOf({ file, flags: [setting('flag', 'retry.maxBackoffMs', 30_000)] }), [])
})

test('a file that is missing, broken or not made of sections is a fault', t => {
  assert.match(faultsOf({ file: '/nowhere/at/all.yaml' })[0] ?? '', /cannot be read/)
  assert.match(faultsOf({ file: fileOf(t, 'a: [') })[0] ?? '', /cannot be read/)
  assert.match(faultsOf({ file: fileOf(t, '- 1') })[0] ?? '', /must hold sections/)
})

test('engines of the mode that is not set are a contradiction', () => {
  const engines = [{ url: 'http://a:1' }]
  assert.match(faultsOf({ flags: [setting('f', 'engines.mixed', engines)] })[0] ?? '', /the mode is pd/)
  const mixed = [setting('f', 'engines.mode', 'mixed'), setting('f', 'engines.decode', engines)]
  assert.match(faultsOf({ flags: mixed })[0] ?? '', /the mode is mixed/)
})

function faultOf(url: string): readonly string[] {
  return faultsOf({ flags: [setting('f', 'engines.decode', [{ url }])] })
}

test('an address that is more than an origin is a fault, for the rest would be dropped in silence', () => {
  for (const url of [
    'http://a:1/base',
    'http://a:1@2',
    'http://u:p@a:1',
    'http://a:1?b=c',
    'http://a:1/#b',
  ]) {
    assert.match(faultOf(url).join(), /must be an origin alone/, url)
  }
  for (const url of ['a:1', 'HTTP://a', 'http://a:70000']) assert.equal(faultOf(url).length, 1, url)
  for (const url of ['http://a:1/', 'https://[::1]:1', 'http://a']) assert.deepEqual(faultOf(url), [], url)
})

test('an engine that is given twice is a fault', () => {
  const twice = [{ url: 'http://a:1' }, { url: 'http://a:1/' }]
  assert.match(
    faultsOf({ flags: [setting('f', 'engines.decode', twice)] })[0] ?? '',
    /http:\/\/a:1 is given twice/,
  )
})
