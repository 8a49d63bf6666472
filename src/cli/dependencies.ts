/** What the commands need from outside: the gateway, the engine simulator, the terminal and signals. */
import type { Config } from '../config/config.ts'
import type { SignalDependencies } from '../process/stop-signals.ts'

interface Gateway {
  readonly port: number
  whenReady(limitMs: number): Promise<boolean>
  /** Lets open requests finish. */
  drain(options: { readonly settleMs: number; readonly limitMs: number }): Promise<void>
  close(): Promise<void>
}

export type StartGateway = (config: Config) => Promise<Gateway>

export interface FleetOptions {
  readonly prefill: number
  readonly decode: number
  readonly host?: string
  /** First port; each engine and each bootstrap server takes the next. Unset: any free ones. */
  readonly basePort?: number
  readonly preset?: string
  readonly knobs?: Readonly<Record<string, unknown>>
  /** Fault script that is played from the start, by name or path. */
  readonly script?: string
  /** Port on which knobs can be changed and counters read; 0: any free one. Unset: there is none. */
  readonly controlPort?: number
  /** Told of each change that the script makes. */
  readonly onFault?: (text: string) => void
}

export interface FleetUrls {
  readonly prefill: readonly { readonly url: string; readonly bootstrapPort: number }[]
  readonly decode: readonly { readonly url: string }[]
  /** There when a control port was asked for. */
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
  /** Standard error, when it is a terminal on which a line can be drawn anew. */
  readonly terminal: NodeJS.WriteStream | undefined
  /** Width of the help; unset: of the terminal. */
  readonly columns: number | undefined
  /** Module that starts this program, for the demo's child process. */
  readonly mainPath: string
  /** Hands the engines' addresses to the process that started this one; unset when there is no channel. */
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
    columns: process.stdout.isTTY ? undefined : PIPE_COLUMNS,
    mainPath: process.argv[1] ?? '',
    notifyParent: process.send ? urls => process.send?.(urls) : undefined,
  }
}
