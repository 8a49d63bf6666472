/** A router: started, probed until it serves requests, and killed at the end. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../../../src/core/text/error-text.ts'
import { makeFolder } from '../../../src/files/make-folder.js'
import { Child } from '../../../src/process/child-process.ts'
import { freePort } from '../../process/free-port.ts'
import { urlOf } from './canned-engines.ts'
import type { RouterEngines, RouterSettings } from './gateway.ts'
import { lastLogLine } from './last-log-line.ts'
import { readyProbe } from './ready.ts'
import type { Router } from './router-list.ts'

/** Routers contact their engines first, and some take seconds for it. */
const START_LIMIT_MS = 20_000

/** A process under measurement. */
export interface Target {
  readonly name: string
  readonly url: string
  readonly pid: number
  /** Why the process has ended; undefined while it runs. */
  readonly exitReason?: () => string | undefined
}

export interface StartRouterOptions extends RouterSettings {
  readonly engines: RouterEngines
  /** Each router gets a folder in it. */
  readonly folder: string
  readonly python: string
  readonly maxConnections: number
  /** CPU core that it is bound to; unset: it may use all. */
  readonly core?: number
}

export class RunningRouter implements Target {
  readonly name: string
  readonly url: string
  readonly #child: Child

  private constructor(name: string, url: string, child: Child) {
    this.name = name
    this.url = url
    this.#child = child
  }

  /** @throws Error with the reason from the router's log, when it does not serve a request within 20 s. */
  static async start(router: Router, options: StartRouterOptions): Promise<RunningRouter> {
    const folder = join(options.folder, router.name)
    makeFolder(folder)
    const [port, metricsPort] = [await freePort(), await freePort()]
    const { program, args, config } = router.start({ ...options, folder, port, metricsPort })
    if (config !== undefined) writeFileSync(config.path, config.text)
    const bound = options.core === undefined ? {} : { core: options.core }
    const child = Child.start({ program, args, logPath: join(folder, 'log'), ...bound })
    const running = new RunningRouter(router.name, urlOf(port), child)
    try {
      await child.untilReady(readyProbe(running.url), START_LIMIT_MS)
      return running
    } catch (error) {
      const reason = running.exitReason() ?? messageOf(error)
      await child.stop()
      throw new Error(reason, { cause: error })
    }
  }

  get pid(): number {
    return this.#child.pid
  }

  exitReason(): string | undefined {
    if (this.#child.isRunning) return undefined
    return `ended with ${this.#child.exitReason}: ${lastLogLine(this.#child.outputTail())}`
  }

  /** Kills the router: nothing in a bench is worth a graceful shutdown. */
  async close(): Promise<void> {
    await this.#child.stop()
  }
}
