/** The words of the project are those of its field: no file uses a banned one, in an identifier or in prose. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { bannedWords } from './support/banned-words.ts'

const ROOT = join(import.meta.dirname, '..')
const FILES = globSync(
  [
    '*.md',
    'docs/*.md',
    '{src,workers,bench,lab,test,bin,scripts}/**/*.{ts,js,py,yaml}',
    'config/*.{yaml,json}',
  ],
  { cwd: ROOT },
).filter(path => !path.endsWith('banned-words.ts') && path !== 'test/words.test.ts')

for (const path of FILES) {
  test(`${path} uses the words of the glossary`, () => {
    assert.deepEqual(bannedWords(path, readFileSync(join(ROOT, path), 'utf8')), [])
  })
}

test('a banned word is found in an identifier, a comment, a literal and a document', () => {
  assert.deepEqual(bannedWords('a.ts', 'const newVisit = 1\n// told\n'), ['2: told', '1: newVisit'])
  assert.deepEqual(bannedWords('a.ts', "const least_load = 'anew'"), ['1: anew'])
  assert.deepEqual(bannedWords('a.md', 'The house.'), ['1: house'])
})
