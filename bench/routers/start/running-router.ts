/** A router that runs on the core of what is measured: started, asked until it answers, ended by its own id. */
import type { ChildProcess } from 'node:child_process'
import { closeSync, openSync, readSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from '../../command/folder.ts'
import { freePort } from '../../process/free-port.ts'
import { type Children, TARGET_CORE } from '../../speed/children.ts'
import type { PdEngines } from './gateway.ts'
import { untilReady } from './ready.ts'
import { urlOf } from './canned-engines.ts'
import { lastWords } from './last-log-line.ts'
import type { Router } from './router-list.ts'

/** Routers look at their engines first; some take seconds for it. */
const START_LIMIT_MS = 20_000
const LOG_TAIL_BYTES = 8192

export interface RouterSetting {
  readonly children: Children
  readonly engines: PdEngines
  /** For its files; one folder a router is made in it. */
  readonly folder: string
  readonly python: string
  readonly maxConnections: number
}

export class RunningRouter {
  readonly name: string
  readonly url: string
  readonly pid: number
  readonly #child: ChildProcess
  readonly #children: Children
  readonly #logPath: string

  private constructor(name: string, port: number, launched: Launched) {
    this.name = name
    this.url = urlOf(port)
    this.#child = launched.child
    this.#children = launched.children
    this.#logPath = launched.logPath
    this.pid = launched.child.pid ?? 0
  }

  /** @throws Error with what it said, when it does not answer in time. */
  static async start(router: Router, setting: RouterSetting): Promise<RunningRouter> {
    const { children, engines, python, maxConnections } = setting
    const folder = join(setting.folder, router.name)
    makeFolder(folder)
    const [port, metricsPort] = [await freePort(), await freePort()]
    const start = router.start({ engines, port, metricsPort, folder, python, maxConnections })
    if (start.config !== undefined) writeFileSync(start.config.path, start.config.text)
    const logPath = join(folder, 'log')
    const child = children.start({ core: TARGET_CORE, program: start.program, args: start.args, logPath })
    const running = new RunningRouter(router.name, port, { child, children, logPath })
    await running.#untilReady()
    return running
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** How it ended, and the last line of its log that looks like a reason. */
  obituary(): string {
    const { exitCode, signalCode } = this.#child
    return `ended with ${signalCode ?? `code ${exitCode}`}: ${lastWords(tailOf(this.#logPath))}`
  }

  async close(): Promise<void> {
    await this.#children.end(this.#child)
  }

  async #untilReady(): Promise<void> {
    try {
      await untilReady(this.url, START_LIMIT_MS, { hasEnded: () => !this.isAlive })
    } catch (error) {
      const told = this.isAlive ? error : new Error(this.obituary())
      await this.close()
      throw told
    }
  }
}

interface Launched {
  readonly child: ChildProcess
  readonly children: Children
  readonly logPath: string
}

/** A log may be large: a router in trouble writes a line a request. */
function tailOf(path: string): string {
  const size = statSync(path).size
  const bytes = Buffer.alloc(Math.min(size, LOG_TAIL_BYTES))
  const file = openSync(path, 'r')
  readSync(file, bytes, 0, bytes.length, size - bytes.length)
  closeSync(file)
  return bytes.toString()
}
