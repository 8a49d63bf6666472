/** Holds the style of texts for operators: help of flags, config keys and metrics are sentences, errors are phrases. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { OPTIONS } from '../../../src/cli/flags/serve-flags.ts'
import { configKeys } from '../../../src/config/key-list.ts'
import { metricTable } from '../../../src/telemetry/metric-catalogue.ts'

const ROOT = join(import.meta.dirname, '../../..')

const HELPS: readonly (readonly [name: string, help: string])[] = [
  ...configKeys().map(({ key, description }) => [key, description] as const),
  ...OPTIONS.flatMap(({ flag, help }) => (help === undefined ? [] : [[`--${flag}`, help] as const])),
  ...metricTable().map(({ name, help }) => [name, help] as const),
]

suite('A help text', () => {
  for (const [name, help] of HELPS) {
    test(`of ${name} consists of sentences`, () => {
      assert.match(help, /^[A-Z].*[^.]\.$/)
      for (const sentence of help.split(/\. /)) assert.match(sentence, /^(?:[A-Z]|-?\d)/)
    })
  }
})

/** Matches the message of an error that clients or operators may read. Whitespace and quotes are those of the formatter. */
const GATEWAY_ERROR = /new GatewayError\(\s*'[a-z-]+',\s*(['"`])((?:[^\\]|\\.)*?)\1/g
const OTHER_ERROR = /new (?:Range|Type)?Error\(\s*(['"`])((?:[^\\]|\\.)*?)\1/g

/** Messages that repeat those of an engine. */
const ENGINE_MESSAGES = new Set(['Aborted by AbortReq.'])

const MESSAGES = [
  ...messagesIn('{src,workers}/**/*.ts', GATEWAY_ERROR),
  ...messagesIn('src/{admin,cli,config,control,core,dispatch,policy,process,telemetry}/**/*.ts', OTHER_ERROR),
].filter(message => !ENGINE_MESSAGES.has(message))

function messagesIn(files: string, pattern: RegExp): string[] {
  return globSync(files, { cwd: ROOT }).flatMap(path =>
    [...readFileSync(join(ROOT, path), 'utf8').matchAll(pattern)].map(match => match[2] ?? ''),
  )
}

suite('An error message', () => {
  test('is found in the sources', () => assert.ok(MESSAGES.length > 30, `${MESSAGES.length}`))

  for (const message of MESSAGES) {
    test(`is in sentence case without a final period: ${message}`, () => {
      // It may start with the name of a config key or with a value.
      assert.match(message, /^(?:[A-Z]|\$\{|[a-z]+\.[a-zA-Z]+: )/)
      if (!message.includes('. ')) assert.doesNotMatch(message, /\.$/)
      assert.doesNotMatch(message, /can't|can not|could not/)
    })
  }
})
