/** What each part of the lab with client programs runs. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../../bench/process/free-port.ts'
import { makeFolder } from '../../src/files/make-folder.js'
import type { LabContext } from '../report/lab.ts'
import type { Checks } from '../report/part.ts'
import type { ClientPart } from './parts.ts'
import { ENGINE_KEY, runScript } from './programs/run-script.ts'
import { checkCurl, checkHey, checkIdleConnection } from './programs/web-tools.ts'
import {
  documentedSettings,
  type ProxyName,
  type ProxyPorts,
  withOldHealthCheck,
} from './proxies/documented-settings.ts'
import { type BrokenEnd, checkHealth, checkProxy } from './proxies/proxy-checks.ts'
import { startProxy } from './proxies/proxy-process.ts'
import { ProgramRows, type Row } from './results/rows.ts'
import { debianVersion, environmentPrograms, nodePackage, pinnedVersion } from './setup/installed.ts'
import { Target, type TargetOptions } from './target/target.ts'
import { aiperfTools } from './tools/aiperf.ts'
import type { BenchTool } from './tools/bench-tool.ts'
import { guidellmTools } from './tools/guidellm.ts'
import { runTool } from './tools/run-tool.ts'
import { sglangTools } from './tools/sglang.ts'
import { madeTokenizer } from './tools/tokenizer.ts'
import { vllmTools } from './tools/vllm.ts'

/** Where a part puts what it finds. */
export class PartRun {
  readonly context: LabContext
  readonly versions: Record<string, string>
  readonly #rows: Row[]
  readonly #checks: Checks

  constructor(
    context: LabContext,
    found: { readonly rows: Row[]; readonly versions: Record<string, string> },
    checks: Checks,
  ) {
    this.context = context
    this.versions = found.versions
    this.#rows = found.rows
    this.#checks = checks
  }

  rowsOf(program: string, version: string): ProgramRows {
    this.versions[program] = version
    return new ProgramRows(program, this.#rows, this.#checks, this.context.log)
  }
}

const SCRIPT_LIMIT_MS = 300_000
const TOOL_LIMIT_MS = 600_000
const SCRIPTS = join(import.meta.dirname, 'scripts')
const DOCUMENT = join(import.meta.dirname, '..', '..', 'docs', 'front-proxies.md')
const OPENAI_VERSIONS = ['6.49.0', '7.59.0']

/** Caddy 2.6 shows its client no difference (docs/front-proxies.md). */
const BROKEN_END: Readonly<Record<ProxyName, BrokenEnd>> = {
  nginx: 'cut off',
  HAProxy: 'cut off',
  Caddy: 'as if complete',
}

/** Engines that want a key, so that clients can be seen to fail with a wrong one. */
const WITH_KEY: TargetOptions = { knobs: { apiKey: ENGINE_KEY }, flags: ['--engine-api-key', ENGINE_KEY] }
const WITHOUT_ROOM: TargetOptions = {
  knobs: { apiKey: ENGINE_KEY },
  flags: ['--engine-api-key', ENGINE_KEY, '--max-concurrent-requests', '1', '--queue-size', '1'],
}

export const RUN_PART: Readonly<Record<ClientPart, (run: PartRun) => Promise<void>>> = {
  'openai-python': async run => {
    await pythonScript(run, 'openai', 'openai_features.py', WITH_KEY)
    await pythonScript(run, 'openai', 'openai_overload.py', WITHOUT_ROOM)
  },
  httpx: run => pythonScript(run, 'httpx', 'httpx_streams.py', WITH_KEY),
  litellm: run => pythonScript(run, 'litellm', 'litellm_features.py', WITH_KEY),
  'openai-node': async run => {
    for (const version of OPENAI_VERSIONS) await nodeScript(run, version)
  },
  'web-tools': webTools,
  nginx: run => proxy(run, 'nginx'),
  haproxy: run => proxy(run, 'HAProxy'),
  caddy: run => proxy(run, 'Caddy'),
  aiperf: async run =>
    tools(run, 'aiperf', aiperfTools(join(await environmentPrograms('aiperf', run.context), 'aiperf'))),
  guidellm: async run =>
    tools(run, 'guidellm', guidellmTools(join(await environmentPrograms('guidellm', run.context), 'python'))),
  vllm: async run => tools(run, 'vllm', vllmTools(await benchPython(run))),
  sglang: async run => tools(run, 'sglang', sglangTools(await benchPython(run))),
}

async function pythonScript(
  run: PartRun,
  distribution: string,
  script: string,
  options: TargetOptions,
): Promise<void> {
  const { context } = run
  const python = join(await environmentPrograms('sdks', context), 'python')
  const rows = run.rowsOf(`${distribution} (Python)`, pinnedVersion('sdks', distribution))
  await using target = await Target.open(options)
  const command = { program: python, args: [join(SCRIPTS, script)] }
  await runScript(rows, target, { ...command, limitMs: SCRIPT_LIMIT_MS, signal: context.signal })
}

async function nodeScript(run: PartRun, version: string): Promise<void> {
  const { context } = run
  const packagePath = await nodePackage('openai', version, context)
  const rows = run.rowsOf(`openai ${version.split('.')[0]} (Node)`, version)
  await using target = await Target.open(WITH_KEY)
  const command = {
    program: process.execPath,
    args: [join(SCRIPTS, 'openai-node.ts')],
    env: { LAB_PACKAGE: packagePath },
  }
  await runScript(rows, target, { ...command, limitMs: SCRIPT_LIMIT_MS, signal: context.signal })
}

async function webTools(run: PartRun): Promise<void> {
  const { signal } = run.context
  const folder = partFolder(run, 'web-tools')
  await using target = await Target.open()
  await checkCurl(run.rowsOf('curl', await debianVersion('curl', signal)), { target, folder, signal })
  await checkHey(run.rowsOf('hey', await debianVersion('hey', signal)), { target, folder, signal })
  await checkIdleConnection(run.rowsOf('node:http', process.versions.node), target)
}

async function proxy(run: PartRun, name: ProxyName): Promise<void> {
  const version = await debianVersion(name.toLowerCase(), run.context.signal)
  const rows = run.rowsOf(name, version)
  await using target = await Target.open()
  const ports = { listen: await freePort(), gateway: portOf(target.url), admin: portOf(target.adminUrl) }
  const settings = documentedSettings(readFileSync(DOCUMENT, 'utf8'), name, ports)
  await behind(run, { name, settings, ports }, origin =>
    checkProxy(rows, { target, origin, brokenEnd: BROKEN_END[name] }),
  )
  if (name !== 'HAProxy') return
  const old = run.rowsOf('HAProxy, check by HTTP/1.0', version)
  await behind(run, { name, settings: withOldHealthCheck(settings, ports), ports }, origin =>
    checkHealth(old, origin),
  )
}

interface Proxy {
  readonly name: ProxyName
  readonly settings: string
  readonly ports: ProxyPorts
}

/** Calls `check` with the origin of the proxy while that runs. */
async function behind(
  run: PartRun,
  { name, settings, ports }: Proxy,
  check: (origin: string) => Promise<void>,
): Promise<void> {
  const folder = partFolder(run, name)
  const child = await startProxy({ name, settings, port: ports.listen, folder })
  const stop = () => child.kill('SIGKILL')
  run.context.signal.addEventListener('abort', stop)
  try {
    await check(`http://127.0.0.1:${ports.listen}`)
  } finally {
    run.context.signal.removeEventListener('abort', stop)
    await child.stop()
  }
}

async function benchPython({ context }: PartRun): Promise<string> {
  return join(await environmentPrograms('benches', context), 'python')
}

async function tools(run: PartRun, distribution: string, all: readonly BenchTool[]): Promise<void> {
  const { context } = run
  const tokenizer = await madeTokenizer(context.cacheFolder, await benchPython(run), context.signal)
  const isAlone = distribution === 'aiperf' || distribution === 'guidellm'
  const version = pinnedVersion(isAlone ? distribution : 'benches', distribution)
  for (const tool of all) {
    const folder = partFolder(run, tool.name.replaceAll(/\W+/g, '-'))
    const rows = run.rowsOf(tool.name, version)
    await runTool(rows, tool, { tokenizer, folder, limitMs: TOOL_LIMIT_MS, signal: context.signal })
  }
}

function partFolder({ context }: PartRun, name: string): string {
  const folder = join(context.runFolder, name)
  makeFolder(folder)
  return folder
}

function portOf(url: string): number {
  return Number(new URL(url).port)
}
