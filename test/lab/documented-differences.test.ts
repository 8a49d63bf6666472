/** The differences that the lab allows are those that the documentation names. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Reference } from '../../lab/sglang/compare/allowed.ts'
import { ALLOWED_DIFFERENCES } from '../../lab/sglang/compare/allowed-differences.ts'

const DOCUMENT = join(import.meta.dirname, '..', '..', 'docs', 'compatibility.md')
const LISTS: Readonly<Record<Reference, string>> = {
  unified: 'The pair behind the gateway and a unified engine differ in this:',
  simulator: 'The simulator and the pair differ in this:',
}

for (const against of ['unified', 'simulator'] as const) {
  test(`docs/compatibility.md has each reason for a difference from the ${against}, and no other`, () => {
    const listed = listAfter(LISTS[against], readFileSync(DOCUMENT, 'utf8'))
    assert.deepEqual(
      listed,
      ALLOWED_DIFFERENCES[against].map(({ reason }) => reason),
    )
  })
}

function listAfter(title: string, document: string): string[] {
  const list = document.split(`${title}\n\n`)[1]?.split('\n\n')[0] ?? ''
  return list.split(/^- /m).flatMap(item => (item === '' ? [] : [item.trim().replaceAll(/\s+/g, ' ')]))
}
