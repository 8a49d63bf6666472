import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { at } from '../../support/sse.ts'

const ROOT = join(import.meta.dirname, '../../..')

/** Preloaded module that makes the launcher believe it runs on an older Node. It has no effect in its child process. */
const PRETEND = `if (!process.channel) Object.defineProperty(process.versions, 'node', { value: '20.0.0' })`

/** Creates a package with the launcher, a program and optionally a Node in node_modules. Returns how to start it. */
function packageWith(t: TestContext, program: string, hasNode: boolean, more: NodeJS.ProcessEnv = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'pdgw-launcher-'))
  t.after(() => rmSync(folder, { recursive: true }))
  for (const part of ['bin', 'src/files', 'node_modules/node/bin'])
    mkdirSync(join(folder, part), { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  writeFileSync(join(folder, 'pretend.cjs'), PRETEND)
  writeFileSync(join(folder, 'src/main.ts'), program)
  for (const file of ['bin/pd-gateway.js', 'src/files/cache-folder.js', 'src/files/make-folder.js'])
    copyFileSync(join(ROOT, file), join(folder, file))
  if (hasNode) symlinkSync(process.execPath, join(folder, 'node_modules/node/bin/node'))
  return (...args: readonly string[]) => {
    const before = ['--require', join(folder, 'pretend.cjs'), join(folder, 'bin/pd-gateway.js')]
    // The tests may run with a compile cache of their own, which the launcher would use.
    const env = { ...process.env, NODE_COMPILE_CACHE: undefined, ...more }
    const child = spawn(process.execPath, [...before, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    t.after(() => child.kill('SIGKILL'))
    return child
  }
}

test('an older Node runs the program with the Node of node_modules, and passes on arguments and exit code', async t => {
  const start = packageWith(t, `console.log(process.argv.slice(2).join()); process.exitCode = 7`, true)
  const child = start('--port', '1')
  const [text] = await once(child.stdout, 'data')
  const [code] = await once(child, 'close')
  assert.deepEqual([String(text), code], ['--port,1\n', 7])
})

test('an older Node without a newer one in node_modules prints what is needed', async t => {
  const child = packageWith(t, '', false)()
  const [text] = await once(child.stderr, 'data')
  const [code] = await once(child, 'close')
  assert.match(String(text), /^pd-gateway needs Node 24 or newer, .*npm ci.*\n$/)
  assert.equal(code, 1)
})

test('an installation without development packages has the Node that the launcher runs', () => {
  for (const file of ['package.json', 'package-lock.json']) {
    const content: unknown = JSON.parse(readFileSync(join(ROOT, file), 'utf8'))
    const root = file === 'package.json' ? content : at(content, 'packages', '')
    assert.equal(typeof at(root, 'dependencies', 'node'), 'string', file)
  }
})

const WAITS = `
process.on('SIGTERM', () => { console.log('bye'); process.exit(0) })
setInterval(() => undefined, 1000)
console.log('up')`

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`the program ends when its launcher receives ${signal}`, async t => {
    const child = packageWith(t, WAITS, true)()
    let text = ''
    child.stdout.on('data', chunk => {
      if (text === '') child.kill(signal)
      text += String(chunk)
    })
    // The pipe closes when the program, its last writer, has ended.
    await once(child.stdout, 'close')
    assert.equal(text, 'up\nbye\n')
  })
}

test('compiled code is cached for the next start, for threads too', async t => {
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

for (const [what, env, reason] of [
  ['below /proc', { XDG_CACHE_HOME: '/proc/cache' }, /ENOENT/],
  ['in the place of a file', { XDG_CACHE_HOME: '/dev/null' }, /EEXIST/],
  ['of a user without a home', { XDG_CACHE_HOME: '', HOME: '/' }, /no home folder/],
] as const) {
  test(`the program starts without a cache folder ${what}, and says so in one sentence`, async t => {
    const child = packageWith(t, `console.log('up')`, true, env)()
    let errors = ''
    child.stderr.on('data', part => (errors += String(part)))
    const [text] = await once(child.stdout, 'data')
    await once(child, 'close')
    assert.equal(String(text), 'up\n')
    assert.match(errors, /^warning: [^\n]*compiled code cannot be kept: [^\n]*\n$/)
    assert.match(errors, reason)
  })
}
