/** The routers that are compared, and how each is started. Pure. */
import { GATEWAY, type RouterName } from '../loads/names.ts'
import { engineFlags, gatewayArguments, type RouterEngines, type RouterSettings } from './gateway.ts'
import { type HaproxyOptions, haproxyConfig } from './haproxy.ts'
import { nginxConfig } from './nginx.ts'

interface StartOptions extends RouterSettings {
  readonly engines: RouterEngines
  readonly port: number
  readonly metricsPort: number
  /** The router's own folder for files. */
  readonly folder: string
  /** Python of the virtual environment with the Python packages. */
  readonly python: string
  readonly maxConnections: number
}

interface Start {
  readonly program: string
  readonly args: readonly string[]
  /** A file to write before the start. */
  readonly config?: { readonly path: string; readonly text: string }
}

/** A package of the Python Package Index, with the version that is measured. */
export interface PythonPackage {
  readonly name: string
  readonly version: string
}

export interface Router {
  readonly name: string
  readonly start: (options: StartOptions) => Start
  /** Package to install; undefined: the program must already be there. */
  readonly package?: PythonPackage
}

/** Routers in Rust with the same protocol. The gateway's CPU time is compared with that of the better one. */
export const RUST_ROUTERS: readonly RouterName[] = ['sglang-router', 'smg']

const SGLANG = { name: 'sglang-router', version: '0.3.2' }
const SMG = { name: 'smg', version: '1.13.0' }
const VLLM = { name: 'vllm-router', version: '0.1.17' }

/** Routers of the comparison. haproxy and nginx make one hop, to a decode engine: they are the lower bound. */
export const ROUTERS: readonly (Router & { readonly name: RouterName })[] = [
  { name: GATEWAY, start: startGateway },
  { name: 'sglang-router', package: SGLANG, start: startSglangRouter },
  { name: 'sglang-mini-lb', package: SGLANG, start: startMiniBalancer },
  { name: 'smg', package: SMG, start: startSmg },
  { name: 'vllm-router', package: VLLM, start: startVllmRouter },
  { name: 'haproxy', start: options => startHaproxy(options, { isPrompt: true }) },
  { name: 'nginx', start: startNginx },
]

/** Name of the baseline of the speed bench. */
export const BASELINE = 'haproxy'

/** Routers of the speed bench. `noise` replaces the gateway with a second haproxy, which shows the noise of the machine. */
export function speedRouters(noise: boolean): readonly Router[] {
  const measured = noise
    ? { name: 'haproxy-again', start: startBaseline }
    : { name: GATEWAY, start: startGateway }
  return [{ name: BASELINE, start: startBaseline }, measured]
}

/** haproxy in its default behaviour, in which the kernel may delay stream events. */
function startBaseline(options: StartOptions): Start {
  return startHaproxy(options, { isPrompt: false })
}

function startGateway({ engines, port, metricsPort, ...settings }: StartOptions): Start {
  return { program: process.execPath, args: gatewayArguments(engines, { port, metricsPort }, settings) }
}

function startSglangRouter(options: StartOptions): Start {
  const flags = ['--log-level', 'warn', ...metricsFlags(options)]
  return startModule('sglang_router.launch_router', options, flags)
}

function startMiniBalancer(options: StartOptions): Start {
  return startModule('sglang_router.launch_router', options, ['--mini-lb'])
}

/** Without the flag it would try to download a tokenizer for the canned model; sglang-router has no such flag. */
function startSmg(options: StartOptions): Start {
  const flags = ['--disable-tokenizer-autoload', '--log-level', 'warn']
  return startModule('smg.launch_router', options, [...flags, ...metricsFlags(options)])
}

/** Its level `warning` still logs a line per request; `error` is the nearest level that does not. */
function startVllmRouter(options: StartOptions): Start {
  const flags = ['--log-level', 'error', ...metricsFlags(options)]
  return startModule('vllm_router.launch_router', options, flags, '--vllm-pd-disaggregation')
}

function startModule(
  module: string,
  { python, engines, policy, port }: StartOptions,
  flags: readonly string[],
  pairsFlag?: string,
): Start {
  const address = ['--host', '127.0.0.1', '--port', String(port)]
  return {
    program: python,
    args: ['-m', module, ...flags, ...engineFlags(engines, policy, pairsFlag), ...address],
  }
}

function metricsFlags({ metricsPort }: StartOptions): readonly string[] {
  return ['--prometheus-host', '127.0.0.1', '--prometheus-port', String(metricsPort)]
}

function startHaproxy(
  { engines, port, folder, maxConnections }: StartOptions,
  options: Pick<HaproxyOptions, 'isPrompt'>,
): Start {
  const path = `${folder}/haproxy.cfg`
  const text = haproxyConfig(port, decodePorts(engines), { maxConnections, ...options })
  return { program: 'haproxy', args: ['-db', '-f', path], config: { path, text } }
}

function startNginx({ engines, port, folder, maxConnections }: StartOptions): Start {
  const path = `${folder}/nginx.conf`
  const text = nginxConfig({ port, enginePorts: decodePorts(engines), folder, maxConnections })
  return { program: 'nginx', args: ['-c', path, '-e', `${folder}/nginx-error.log`], config: { path, text } }
}

function decodePorts({ decode }: RouterEngines): readonly number[] {
  return decode.map(url => Number(new URL(url).port))
}
