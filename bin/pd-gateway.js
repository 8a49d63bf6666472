#!/usr/bin/env node
/**
 * Starts the gateway. Plain JavaScript for Node 18 or newer: if this Node is older than the gateway needs, the script
 * runs itself again with the Node that `npm ci` has installed in node_modules.
 */
import { spawn } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import module from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cacheFolder } from '../src/files/cache-folder.js'
import { makeFolder } from '../src/files/make-folder.js'

const REQUIRED_MAJOR = 24
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2']
const PARENT_CHECK_MS = 200

// Node would open a port for a debugger, which runs any code.
process.on('SIGUSR1', () => undefined)
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
  if (process.env.NODE_DISABLE_COMPILE_CACHE) return
  const problem = process.env.NODE_COMPILE_CACHE ? undefined : chooseFolder()
  if (problem === undefined) module.enableCompileCache(process.env.NODE_COMPILE_CACHE)
  else
    console.error(
      `warning: starting takes longer and more memory, because compiled code cannot be kept: ${problem}`,
    )
}

/** Threads read the folder from the environment. Returns why there is none. */
function chooseFolder() {
  const cache = cacheFolder(process.env)
  if (cache === undefined) return 'the user has no home folder, and XDG_CACHE_HOME is not set'
  const folder = join(cache, 'compiled')
  try {
    makeFolder(folder, 0o700)
    accessSync(folder, constants.W_OK)
  } catch (error) {
    return error.message
  }
  process.env.NODE_COMPILE_CACHE = folder
}

/** A process that was started with an IPC channel ends when its parent has ended, for whatever reason. */
function endWithParent() {
  if (process.connected === undefined) return
  // The parent may have ended before this process could listen.
  if (!process.connected) process.exit(1)
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
