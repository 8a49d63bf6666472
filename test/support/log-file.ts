/** A log in a file, for tests that read what an operator is shown. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Owner } from './gateway.ts'

export interface LogFile {
  /** Section `log` of the configuration. */
  readonly config: { readonly level: 'warn'; readonly dir: string }
  /** The lines so far that contain the text. */
  lines(text: string): string[]
}

/** The file is removed when the test ends. */
export function openLog(t: Owner): LogFile {
  const dir = mkdtempSync(join(tmpdir(), 'pd-gateway-test-'))
  t.after(() => rmSync(dir, { recursive: true }))
  return {
    config: { level: 'warn', dir },
    lines: text =>
      readFileSync(join(dir, 'pd-gateway.log'), 'utf8')
        .split('\n')
        .filter(line => line.includes(text)),
  }
}
