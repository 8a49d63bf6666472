/** The routers that stand in the table: how each is started. Pure. */
import { gatewayArguments, type PdEngines, pdFlags } from './gateway.ts'
import { haproxyConfig } from './haproxy.ts'
import { nginxConfig } from './nginx.ts'

/** Where a router is to run, and what it finds there. */
interface Place {
  readonly engines: PdEngines
  readonly port: number
  readonly metricsPort: number
  /** Folder of its own for files. */
  readonly folder: string
  /** Python of the peers' virtual environment. */
  readonly python: string
  readonly maxConnections: number
}

/** How it is started there. */
interface Start {
  readonly program: string
  readonly args: readonly string[]
  /** A file that has to be there first. */
  readonly config?: { readonly path: string; readonly text: string }
}

/** A package of Python's index, at the version that is measured. */
export interface PeerPackage {
  readonly name: string
  readonly version: string
}

export interface Router {
  readonly name: string
  readonly start: (place: Place) => Start
  /** Unset: nothing has to be installed for it by us. */
  readonly package?: PeerPackage
}

export const OURS = 'gateway'
/** The Rust routers that speak our protocol: the better one is what our CPU is set against. */
export const RUST_ROUTERS: readonly string[] = ['sglang-router', 'smg']

const SGLANG = { name: 'sglang-router', version: '0.3.2' }
const SMG = { name: 'smg', version: '1.13.0' }
const VLLM = { name: 'vllm-router', version: '0.1.17' }

/** The order of the table, and of each round. haproxy and nginx make one hop, to decode: the floor. */
export const ROUTERS: readonly Router[] = [
  { name: OURS, start: startGateway },
  { name: 'sglang-router', package: SGLANG, start: startSglangRouter },
  { name: 'sglang-mini-lb', package: SGLANG, start: startMiniBalancer },
  { name: 'smg', package: SMG, start: startSmg },
  { name: 'vllm-router', package: VLLM, start: startVllmRouter },
  { name: 'haproxy', start: startHaproxy },
  { name: 'nginx', start: startNginx },
]

function startGateway({ engines, port, metricsPort }: Place): Start {
  return { program: process.execPath, args: gatewayArguments(engines, { port, metricsPort }) }
}

function startSglangRouter(place: Place): Start {
  const flags = ['--pd-disaggregation', '--log-level', 'warn', ...metricsFlags(place)]
  return startModule('sglang_router.launch_router', place, flags)
}

function startMiniBalancer(place: Place): Start {
  return startModule('sglang_router.launch_router', place, ['--mini-lb', '--pd-disaggregation'])
}

/** It would fetch the tokenizer of the canned model from a hub that has none; sglang-router cannot be told not to. */
function startSmg(place: Place): Start {
  const flags = ['--pd-disaggregation', '--disable-tokenizer-autoload', '--log-level', 'warn']
  return startModule('smg.launch_router', place, [...flags, ...metricsFlags(place)])
}

/** At `warning`, its word for warn, it logs at info: `error` is the nearest that spares it a line a request. */
function startVllmRouter(place: Place): Start {
  const flags = ['--vllm-pd-disaggregation', '--log-level', 'error', ...metricsFlags(place)]
  return startModule('vllm_router.launch_router', place, flags)
}

function startModule(module: string, place: Place, flags: readonly string[]): Start {
  const address = ['--host', '127.0.0.1', '--port', String(place.port)]
  return { program: place.python, args: ['-m', module, ...flags, ...pdFlags(place.engines), ...address] }
}

function metricsFlags({ metricsPort }: Place): readonly string[] {
  return ['--prometheus-host', '127.0.0.1', '--prometheus-port', String(metricsPort)]
}

function startHaproxy({ engines, port, folder, maxConnections }: Place): Start {
  const path = `${folder}/haproxy.cfg`
  const text = haproxyConfig(port, decodePorts(engines), { maxConnections, isPrompt: true })
  return { program: 'haproxy', args: ['-db', '-f', path], config: { path, text } }
}

function startNginx({ engines, port, folder, maxConnections }: Place): Start {
  const path = `${folder}/nginx.conf`
  const text = nginxConfig({ port, enginePorts: decodePorts(engines), folder, maxConnections })
  return { program: 'nginx', args: ['-c', path, '-e', `${folder}/nginx-error.log`], config: { path, text } }
}

function decodePorts({ decode }: PdEngines): readonly number[] {
  return decode.map(url => Number(new URL(url).port))
}
