import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { changeHeaders } from '../../../../workers/engine-api/change-headers.ts'

const CLIENT = ['authorization', 'Bearer client']

suite('A change on an engine carries', () => {
  for (const [what, headers, apiKey, adminApiKey, expected] of [
    ['the key for changes, whatever else there is', CLIENT, 'probes', 'admin', 'Bearer admin'],
    ['the key of the client, if there is none for changes', CLIENT, 'probes', undefined, 'Bearer client'],
    ['the key for probes, if there is no other', [], 'probes', undefined, 'Bearer probes'],
    ['no key, if there is none', [], undefined, undefined, undefined],
  ] as const)
    test(what, () => {
      const sent = changeHeaders(
        { headers: ['x-a', '1', ...headers] },
        { apiKey },
        { engines: { adminApiKey } },
      )
      assert.deepEqual(sent, ['x-a', '1', ...(expected === undefined ? [] : ['authorization', expected])])
    })
})
