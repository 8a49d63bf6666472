/** The report of a comparison matches its schema. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareReportSchema } from '../../../../bench/report/compare-schema.ts'
import { compareReportOf } from '../../support/compare-report.ts'

test('a report of two targets matches the schema after a round trip through JSON', () => {
  const report = compareReportOf()
  assert.deepEqual(compareReportSchema.parse(JSON.parse(JSON.stringify(report))), report)
})

test('a report of a single target is rejected', () => {
  const report = compareReportOf({ targets: [{ name: 'alone', url: 'http://127.0.0.1:1' }] })
  assert.equal(compareReportSchema.safeParse(report).success, false)
})
