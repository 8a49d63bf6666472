/** Starts a front proxy with settings from the documents. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../../../src/core/text/error-text.ts'
import { makeFolder } from '../../../src/files/make-folder.js'
import { Child } from '../../../src/process/child-process.ts'
import type { ProxyName } from './documented-settings.ts'

export interface ProxyOptions {
  readonly name: ProxyName
  readonly settings: string
  readonly port: number
  /** Folder for its files; it is created. */
  readonly folder: string
}

interface ProxyFiles {
  readonly path: string
  readonly folder: string
}

const READY_LIMIT_MS = 30_000

const COMMANDS = {
  nginx: ({ path, folder }) => ({ program: 'nginx', args: ['-p', folder, '-c', path, '-g', 'daemon off;'] }),
  HAProxy: ({ path }) => ({ program: 'haproxy', args: ['-f', path] }),
  Caddy: ({ path }) => ({ program: 'caddy', args: ['run', '--config', path, '--adapter', 'caddyfile'] }),
} satisfies Record<ProxyName, (files: ProxyFiles) => { program: string; args: readonly string[] }>

/** Resolves when the proxy answers `/readiness` with 200. @throws Error with its output if it does not within 30 s. */
export async function startProxy({ name, settings, port, folder }: ProxyOptions): Promise<Child> {
  makeFolder(folder)
  const [path, logPath] = [join(folder, 'settings'), join(folder, 'log')]
  writeFileSync(path, wholeFile(name, settings, folder))
  const env = { XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder }
  const child = Child.start({
    ...COMMANDS[name]({ path, folder }),
    cwd: folder,
    env,
    logPath,
    ownGroup: true,
  })
  try {
    await child.untilReady(() => reasonNotReady(port), READY_LIMIT_MS)
    return child
  } catch (error) {
    await child.stop()
    throw new Error(`${messageOf(error)}: ${child.outputTail().slice(-1000)}`, { cause: error })
  }
}

/** The settings of the document are a part of the file; the rest lets the proxy run without root in a folder. */
function wholeFile(name: ProxyName, settings: string, folder: string): string {
  switch (name) {
    case 'nginx':
      return `user root;\npid ${folder}/pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n${temporaryPaths(folder)}\n${settings}}\n`
    case 'HAProxy':
      return settings
    case 'Caddy':
      return `{\n  admin off\n  auto_https off\n}\n${settings}`
  }
}

function temporaryPaths(folder: string): string {
  return ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map(kind => `${kind}_temp_path ${folder}/${kind};`)
    .join('\n')
}

async function reasonNotReady(port: number): Promise<string | undefined> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/readiness`, { signal: AbortSignal.timeout(5000) })
    await response.arrayBuffer()
    return response.ok ? undefined : `/readiness returned status ${response.status}`
  } catch (error) {
    return messageOf(error)
  }
}
