/** The lab with real SGLang engines on CPUs: `npm run lab -- sglang`. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pythonEnvironment, requirementOf } from '../python/python-environment.ts'
import { runProgram } from '../python/run-program.ts'
import type { LabContext, LabRun } from '../report/lab.ts'
import { runParts } from '../report/part.ts'
import { EngineSet } from './engines/engine-set.ts'
import { modelFolder } from './engines/model.ts'
import { PARTS } from './parts/names.ts'
import { RUN_PART } from './parts/parts.ts'

const REQUIREMENTS = join(import.meta.dirname, 'requirements.txt')
const LIBRARIES = ['libibverbs.so.1', 'librdmacm.so.1', 'libnuma.so.1']
/** Their packages in Debian 12. */
const PACKAGES = 'libibverbs1 librdmacm1 libnuma1'
const INTERPRETER = 'python3.11'
/** Programs in the table's head; their versions are pinned. */
const NAMED = ['sglang', 'mooncake-transfer-engine-non-cuda', 'torch', 'uvicorn']

/** Stops all engines before it returns or throws. */
export async function runSglangLab(context: LabContext): Promise<LabRun> {
  const { cacheFolder, runFolder, signal, log } = context
  const logPath = join(runFolder, 'installation.log')
  const python = await pythonEnvironment({
    cacheFolder,
    logPath,
    signal,
    log,
    name: 'sglang',
    interpreter: INTERPRETER,
    requirementsPath: REQUIREMENTS,
  })
  await requireLibraries(python, logPath, signal)
  const modelPath = await modelFolder({ cacheFolder, python, logPath, signal })
  const engines = new EngineSet({ python, modelPath, logFolder: runFolder, signal }, log)
  const parts = PARTS.filter(name => context.parts.includes(name)).map(name => ({
    name,
    run: (checks: Parameters<(typeof RUN_PART)[typeof name]>[1]) =>
      RUN_PART[name]({ engines, context }, checks),
  }))
  try {
    return { versions: versions(), results: await runParts(parts, signal, log) }
  } finally {
    await engines.stop()
  }
}

/** Mooncake's library loads these of the system. @throws Error that says how to install what is missing. */
async function requireLibraries(python: string, logPath: string, signal: AbortSignal): Promise<void> {
  const load = `import ctypes; [ctypes.CDLL(name) for name in ${JSON.stringify(LIBRARIES)}]`
  try {
    await runProgram({ program: python, args: ['-c', load], logPath }, signal)
  } catch (error) {
    signal.throwIfAborted()
    throw new Error(`Mooncake needs ${LIBRARIES.join(', ')}: run apt-get install ${PACKAGES}`, {
      cause: error,
    })
  }
}

function versions(): Readonly<Record<string, string>> {
  const requirements = readFileSync(REQUIREMENTS, 'utf8')
  const pinned = NAMED.map(name => [name, requirementOf(name, requirements).split('==')[1] ?? ''] as const)
  return { ...Object.fromEntries(pinned), Node: process.versions.node }
}
