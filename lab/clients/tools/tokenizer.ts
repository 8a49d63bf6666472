/** The tokenizer with which the bench tools make prompts of a size: trained once, because nothing is downloaded from a hub. */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from '../../../src/files/make-folder.js'
import { runSuccessfully } from '../programs/run-limited.ts'

export interface Tokenizer {
  /** Folder with its files. */
  readonly path: string
  /** Name in the cache of the hub's client, for tools that take no path. */
  readonly name: string
  /** Folder of that cache, for `HF_HOME`. */
  readonly hubHome: string
}

const SCRIPT = join(import.meta.dirname, '..', 'scripts', 'make_tokenizer.py')
const LIMIT_MS = 600_000
/** Stands for a commit of the hub's repository; any name will do. */
const REVISION = '1'.padStart(40, '0')

/** `python` is an interpreter with `transformers`. @throws Error if the tokenizer cannot be made. */
export async function madeTokenizer(
  cacheFolder: string,
  python: string,
  signal: AbortSignal,
): Promise<Tokenizer> {
  const hubHome = join(cacheFolder, 'clients-tokenizer')
  const repository = join(hubHome, 'hub', 'models--lab--tokenizer')
  const path = join(repository, 'snapshots', REVISION)
  const revisionPath = join(repository, 'refs', 'main')
  // Written last, so that an interrupted run is not taken for a complete one.
  if (!existsSync(revisionPath)) {
    makeFolder(path)
    await runSuccessfully({ program: python, args: [SCRIPT, path], limitMs: LIMIT_MS, signal })
    makeFolder(join(repository, 'refs'))
    writeFileSync(revisionPath, REVISION)
  }
  return { path, name: 'lab/tokenizer', hubHome }
}
