import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { logSchema } from '../../../src/config/server.ts'
import { createLogger } from '../../../src/telemetry/log.ts'
import { reopenLogs } from '../../../src/telemetry/log-reopen.ts'
import { until } from '../../support/until.ts'

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

test('a log directory below /proc is an error at once', () => {
  assert.throws(() => createLogger(logSchema.parse({ dir: '/proc/pd-gateway/log' }), 'main'), {
    message: /^Cannot write the log to \/proc\/pd-gateway\/log \(--log-dir\): ENOENT/,
  })
})

test('lines for a full disk are kept up to the limit, then lost and counted, and nothing throws', t => {
  const dir = folderFor(t)
  mkdirSync(dir, { recursive: true })
  symlinkSync('/dev/full', join(dir, 'pd-gateway.log'))
  const log = createLogger(logSchema.parse({ dir, bufferBytes: 1000 }), 'main')
  t.after(() => log.close())
  for (let line = 0; line < 100; line++) log.info({ line }, 'x'.repeat(50))
  let lost = 0
  log.onLinesLost(lines => (lost += lines))
  assert.ok(lost > 80 && lost < 100, `${lost}`)
  log.info({}, 'y')
  assert.ok(lost > 80)
})

test('a log that is a pipe which nobody reads delays nothing; once it is read, it has what was kept and what was lost', async t => {
  const dir = folderFor(t)
  mkdirSync(dir, { recursive: true })
  const file = join(dir, 'pd-gateway.log')
  execFileSync('mkfifo', [file])
  const reader = openSync(file, constants.O_RDWR | constants.O_NONBLOCK)
  t.after(() => closeSync(reader))
  const log = createLogger(logSchema.parse({ dir, bufferBytes: 10_000 }), 'main')
  t.after(() => log.close())
  let lost = 0
  log.onLinesLost(lines => (lost += lines))
  for (let line = 0; line < 2000; line++) log.info({ line }, 'x'.repeat(100))
  assert.ok(lost > 0)
  const text = await readUntil(reader, / WARN .*lost.* lines=(\d+)\n/)
  const numbers = [...text.matchAll(/ line=(\d+)\n/g)].map(match => Number(match[1]))
  assert.deepEqual(
    numbers,
    Array.from({ length: 2000 - lost }, (_, index) => index),
  )
  assert.equal(/lines=(\d+)/.exec(text)?.[1], String(lost))
})

test('a named pipe without a reader in the place of the log file is an error instead of a wait', t => {
  const dir = folderFor(t)
  mkdirSync(dir, { recursive: true })
  execFileSync('mkfifo', [join(dir, 'pd-gateway.log')])
  assert.throws(() => createLogger(logSchema.parse({ dir }), 'main'), /--log-dir\): ENXIO/)
})

test('an order to reopen the log moves every thread to a new file after the old one was renamed', async t => {
  const dir = folderFor(t)
  const config = logSchema.parse({ dir })
  const log = createLogger(config, 'main')
  const logModule = JSON.stringify(new URL('../../../src/telemetry/log.ts', import.meta.url))
  const worker = new Worker(
    `import { createLogger } from ${logModule}
     import { parentPort, workerData } from 'node:worker_threads'
     const log = createLogger(workerData, 'other')
     parentPort.on('message', text => log.info({}, text))
     parentPort.postMessage('ready')`,
    { eval: true, workerData: config },
  )
  t.after(async () => {
    log.close()
    await worker.terminate()
  })
  await once(worker, 'message')
  log.info({}, 'before')
  renameSync(join(dir, 'pd-gateway.log'), join(dir, 'old.log'))
  reopenLogs()
  const hasReopened = (part: string): boolean => hasLine(dir, `${part}: log file reopened`)
  await until(() => hasReopened('main') && hasReopened('other'), 'both threads have reopened the log')
  log.info({}, 'after')
  worker.postMessage('after') // oxlint-disable-line unicorn/require-post-message-target-origin -- not a window
  await until(() => linesIn(dir).length === 4)
  assert.match(readFileSync(join(dir, 'old.log'), 'utf8'), /^.* main: before\n$/)
})

test('a log whose directory was removed is created again, and stays in use where that fails', async t => {
  const dir = folderFor(t)
  const log = createLogger(logSchema.parse({ dir }), 'main')
  t.after(() => log.close())
  renameSync(dir, `${dir}-old`)
  writeFileSync(dir, 'in the way')
  reopenLogs()
  await until(() => hasLine(`${dir}-old`, 'not reopened'))
  rmSync(dir)
  reopenLogs()
  await until(() => hasLine(dir, 'log file reopened'))
})

test('repeated warnings are summarized when the log is closed, in text and JSON alike', t => {
  for (const json of [false, true]) {
    const dir = join(folderFor(t), String(json))
    const log = createLogger(logSchema.parse({ dir, json, burstLines: 3 }), 'main')
    for (let line = 0; line < 1000; line++)
      log.warn({ cause: 'status', decode: `http://d${line % 2}:1`, error: `no ${line}` }, 'retry')
    log.info({}, 'another')
    log.close()
    const lines = linesIn(dir)
    assert.equal(lines.length, 5)
    const summary =
      lines
        .at(-1)
        ?.replaceAll(/[{}"\\,]/g, ' ')
        .replaceAll(/ *[:=] */g, '=') ?? ''
    assert.match(summary, /more lines of this kind/)
    for (const part of ['line=retry', 'count=997', 'status=997', 'http=//d1=1=499', 'lastError=no 999'])
      assert.ok(summary.includes(part), `${part} in ${summary}`)
  }
})

/** The log may not exist yet. */
function hasLine(dir: string, text: string): boolean {
  return existsSync(join(dir, 'pd-gateway.log')) && linesIn(dir).some(line => line.includes(text))
}

async function readUntil(fd: number, end: RegExp): Promise<string> {
  const part = Buffer.alloc(65_536)
  let text = ''
  await until(() => {
    try {
      text += part.toString('utf8', 0, readSync(fd, part))
    } catch {
      // Nothing to read.
    }
    return end.test(text)
  })
  return text
}

test('summaries that fall due one after another set no timer in the past', async t => {
  const warnings: string[] = []
  const onWarning = ({ name }: Error): void => void warnings.push(name)
  process.on('warning', onWarning)
  t.after(() => process.off('warning', onWarning))
  const log = createLogger(logSchema.parse({ dir: folderFor(t), burstLines: 1, summarySecs: 0.1 }), 'main')
  t.after(() => log.close())
  const endMs = performance.now() + 300
  // Kinds of lines whose periods end a few microseconds apart, so that many end while others are summarised.
  for (let kind = 0; performance.now() < endMs; kind++) {
    log.warn({ cause: `cause ${kind % 500}` }, 'failed')
    if (kind % 100 === 0) await new Promise(setImmediate)
  }
  await new Promise(setImmediate)
  assert.deepEqual(warnings, [])
})
