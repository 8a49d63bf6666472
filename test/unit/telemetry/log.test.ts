import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { logSchema } from '../../../src/config/server.ts'
import { createLogger } from '../../../src/telemetry/log.ts'

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'log-test-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return join(folder, 'nested', 'directory')
}

function linesIn(dir: string): string[] {
  return readFileSync(join(dir, 'pd-gateway.log'), 'utf8').trimEnd().split('\n')
}

test('the log directory is created, and all parts write lines to one file in it', t => {
  const dir = folderFor(t)
  const config = logSchema.parse({ dir })
  const parts = ['main', 'control'].map(part => createLogger(config, part))
  for (const [index, log] of [...parts, ...parts].entries()) log.info({ index }, 'here')
  const lines = linesIn(dir)
  assert.equal(lines.length, 4)
  assert.deepEqual(
    lines.map(line => /(main|control).* here.*index=(\d)/.exec(line)?.slice(1)),
    [
      ['main', '0'],
      ['control', '1'],
      ['main', '2'],
      ['control', '3'],
    ],
  )
})

test('an existing log file is appended to', t => {
  const dir = folderFor(t)
  const config = logSchema.parse({ dir, json: true })
  for (const turn of [1, 2]) createLogger(config, 'main').warn({ turn }, 'again')
  const turns = linesIn(dir).map((line): unknown => JSON.parse(line))
  assert.partialDeepStrictEqual(turns, [
    { level: 'warn', part: 'main', turn: 1, msg: 'again' },
    { level: 'warn', part: 'main', turn: 2, msg: 'again' },
  ])
})

test('events below the level are not written', t => {
  const dir = folderFor(t)
  const log = createLogger(logSchema.parse({ dir, level: 'warn' }), 'main')
  log.info({}, 'quiet')
  log.error({}, 'loud')
  assert.equal(linesIn(dir).length, 1)
  assert.match(linesIn(dir)[0] ?? '', /loud/)
})

test('a log directory that cannot be created is named with its flag', t => {
  const dir = folderFor(t)
  const file = join(dir, '..', '..', 'file')
  writeFileSync(file, '')
  assert.throws(() => createLogger(logSchema.parse({ dir: file }), 'main'), {
    message: new RegExp(`^Cannot write the log to ${file} \\(--log-dir\\): EEXIST`),
  })
})
