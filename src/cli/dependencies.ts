/** What the commands need from outside: the gateway, the engine simulator, the terminal and signals. */
import type { Config } from '../config/config.ts'
import { type Address, busyAddresses } from '../process/busy-addresses.ts'
import type { SignalDependencies } from '../process/stop-signals.ts'

/** A gateway that accepts requests. */
export interface RunningGateway {
  /** Port of the API. */
  readonly port: number
  /** Port of the metrics and admin listener. */
  readonly adminPort: number
  /** Resolves with true once a request can be served and all engines are healthy, or with false after `limitMs`. */
  whenReady(limitMs: number): Promise<boolean>
  /** Stops accepting requests and waits until the open ones have ended. */
  drain(options: { readonly settleMs: number; readonly limitMs: number }): Promise<void>
  /** Opens the log file again, after it has been renamed. */
  reopenLog(): void
  close(): Promise<void>
}

export type StartGateway = (config: Config) => Promise<RunningGateway>

/** Number of simulated engines of each role. */
export interface EngineCounts {
  readonly prefill: number
  readonly decode: number
  readonly mixed: number
}

export interface FleetOptions extends EngineCounts {
  readonly host?: string
  /** First port. Each engine, then each bootstrap server takes the next one. Without it, each takes a free port. */
  readonly basePort?: number
  readonly preset?: string
  readonly knobs?: Readonly<Record<string, unknown>>
  /** Name or path of a fault script, which is replayed from the start. */
  readonly script?: string
  /** Port of the control server, which sets knobs and serves counters; 0 takes a free port. By default there is no such server. */
  readonly controlPort?: number
  /** Called with a description of each change that the fault script makes. */
  readonly onFault?: (text: string) => void
}

export interface FleetUrls {
  readonly prefill: readonly { readonly url: string; readonly bootstrapPort: number }[]
  readonly decode: readonly { readonly url: string }[]
  readonly mixed: readonly { readonly url: string }[]
  /** Set if a control port was requested. */
  readonly control?: { readonly url: string }
}

export interface RunningFleet extends FleetUrls {
  close(): Promise<void>
}

export type StartFleet = (options: FleetOptions) => Promise<RunningFleet>

export interface CliDependencies extends SignalDependencies {
  readonly startGateway: StartGateway
  readonly startFleet: StartFleet
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  /** Standard error, if it is a terminal whose last line can be redrawn. */
  readonly terminal: NodeJS.WriteStream | undefined
  /** Width of the help text in columns. Without it, the width of the terminal. */
  readonly columns: number | undefined
  /** Those of the addresses on which another process listens. */
  readonly busyAddresses: <A extends Address>(addresses: readonly A[]) => Promise<A[]>
  /** Path of the module that starts this program; the demo runs it in a child process. */
  readonly mainPath: string
  /** Sends the addresses of the engines to the parent process. Undefined if there is no IPC channel. */
  readonly notifyParent: ((urls: FleetUrls) => void) | undefined
}

const PIPE_COLUMNS = 140

export function systemDependencies(): Omit<CliDependencies, 'startGateway' | 'startFleet'> {
  return {
    out: text => process.stdout.write(text),
    err: text => process.stderr.write(text),
    terminal: process.stderr.isTTY && process.env['TERM'] !== 'dumb' ? process.stderr : undefined,
    signals: process,
    exit: code => process.exit(code),
    busyAddresses,
    columns: process.stdout.isTTY ? undefined : PIPE_COLUMNS,
    mainPath: process.argv[1] ?? '',
    notifyParent: process.send ? urls => process.send?.(urls) : undefined,
  }
}
