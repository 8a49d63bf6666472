#!/usr/bin/env node
/**
 * Starts the gateway. Plain JavaScript for Node 18 or newer: if this Node is older than the gateway needs, the script
 * runs itself again with the Node that `npm ci` has installed in node_modules.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import module from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const REQUIRED_MAJOR = 24
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2']
const PARENT_CHECK_MS = 200

endWithNpx()
if (Number.parseInt(process.versions.node, 10) >= REQUIRED_MAJOR) {
  endWithParent()
  keepCompiledCode()
  await import('../src/main.ts')
} else {
  runWithOwnNode()
}

function runWithOwnNode() {
  const node = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url))
  if (!existsSync(node)) {
    console.error(
      `pd-gateway needs Node ${REQUIRED_MAJOR} or newer, but this is ${process.version}: run npm ci to install it`,
    )
    process.exit(1)
  }
  const self = fileURLToPath(import.meta.url)
  const child = spawn(node, [self, ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  })
  for (const signal of SIGNALS) process.on(signal, () => child.kill(signal))
  child.on('error', error => {
    console.error(`pd-gateway: ${error.message}`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1)
    for (const name of SIGNALS) process.removeAllListeners(name)
    process.kill(process.pid, signal)
  })
}

/**
 * Caches compiled code for the next start. Without it every thread starts more slowly and loads a TypeScript parser,
 * which takes 15 MB each.
 */
function keepCompiledCode() {
  const cache = process.env.XDG_CACHE_HOME || (homedir() === '/' ? '' : join(homedir(), '.cache'))
  if (cache === '' || process.env.NODE_DISABLE_COMPILE_CACHE) return
  // Threads read it from the environment.
  process.env.NODE_COMPILE_CACHE ??= join(cache, 'pd-gateway', 'compiled')
  module.enableCompileCache(process.env.NODE_COMPILE_CACHE)
}

/** A process that was started with an IPC channel ends when its parent has ended, for whatever reason. */
function endWithParent() {
  if (!process.channel) return
  process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'))
  process.channel.unref()
}

/** npx does not forward signals: it ends, and the program would keep running and hold its port. */
function endWithNpx() {
  if (process.env.npm_lifecycle_event !== 'npx') return
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    process.kill(process.pid, 'SIGTERM')
  }, PARENT_CHECK_MS)
  timer.unref()
}
