import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'

const LAUNCHER = join(import.meta.dirname, '../../../bin/pd-gateway.js')

/** Makes this Node pass for an older one, in the process that is started with it and not in its child. */
const PRETEND = `if (!process.channel) Object.defineProperty(process.versions, 'node', { value: '20.0.0' })`

/** A package with the launcher, a program of a few lines and, if asked for, a Node in node_modules. */
function packageWith(t: TestContext, program: string, hasNode: boolean) {
  const folder = mkdtempSync(join(tmpdir(), 'pdgw-launcher-'))
  t.after(() => rmSync(folder, { recursive: true }))
  for (const part of ['bin', 'src', 'node_modules/node/bin'])
    mkdirSync(join(folder, part), { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  writeFileSync(join(folder, 'pretend.cjs'), PRETEND)
  writeFileSync(join(folder, 'src/main.ts'), program)
  copyFileSync(LAUNCHER, join(folder, 'bin/pd-gateway.js'))
  if (hasNode) symlinkSync(process.execPath, join(folder, 'node_modules/node/bin/node'))
  return (...args: readonly string[]) => {
    const before = ['--require', join(folder, 'pretend.cjs'), join(folder, 'bin/pd-gateway.js')]
    // The tests themselves may run with a cache, which the launcher would keep to.
    const env = { ...process.env, NODE_COMPILE_CACHE: undefined }
    const child = spawn(process.execPath, [...before, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    t.after(() => child.kill('SIGKILL'))
    return child
  }
}

test('an older Node runs the program with the one of node_modules, with its words and exit code', async t => {
  const start = packageWith(t, `console.log(process.argv.slice(2).join()); process.exitCode = 7`, true)
  const child = start('--port', '1')
  const [text] = await once(child.stdout, 'data')
  const [code] = await once(child, 'close')
  assert.deepEqual([String(text), code], ['--port,1\n', 7])
})

test('an older Node without another one says what it needs', async t => {
  const child = packageWith(t, '', false)()
  const [text] = await once(child.stderr, 'data')
  const [code] = await once(child, 'close')
  assert.match(String(text), /^pd-gateway needs Node 24 or newer, .*npm ci.*\n$/)
  assert.equal(code, 1)
})

const WAITS = `
process.on('SIGTERM', () => { console.log('bye'); process.exit(0) })
setInterval(() => undefined, 1000)
console.log('up')`

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`the program ends when its launcher gets ${signal}`, async t => {
    const child = packageWith(t, WAITS, true)()
    let text = ''
    child.stdout.on('data', chunk => {
      if (text === '') child.kill(signal)
      text += String(chunk)
    })
    // The pipe closes when its last holder, the program, is gone.
    await once(child.stdout, 'close')
    assert.equal(text, 'up\nbye\n')
  })
}

test('what Node compiles is kept for the next start, for threads too', async t => {
  const start = packageWith(
    t,
    `import { Worker } from 'node:worker_threads'
     import { getCompileCacheDir } from 'node:module'
     const code = 'require("node:worker_threads").parentPort.postMessage(require("node:module").getCompileCacheDir())'
     new Worker(code, { eval: true }).on('message', dir => console.log(getCompileCacheDir() === dir, dir))`,
    true,
  )
  const child = start()
  const [text] = await once(child.stdout, 'data')
  assert.match(String(text), /^true .*pd-gateway\/compiled/)
})
