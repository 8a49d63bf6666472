import assert from 'node:assert/strict'
import { test } from 'node:test'
import { medianInterval } from '../../../../bench/compare/bootstrap.ts'
import { smallSampleWidth, studentQuantile } from '../../../../bench/compare/student.ts'
import { seededRandom } from '../../../../src/core/random.ts'

/** Values from a table of the distribution. */
const TABLE = [
  [1, 0.95, 12.706],
  [2, 0.95, 4.303],
  [3, 0.99, 5.841],
  [11, 0.95, 2.201],
  [30, 0.99, 2.75],
  [1000, 0.95, 1.962],
] as const

for (const [freedom, level, value] of TABLE) {
  test(`with ${freedom} degrees of freedom, ${level * 100}% of the distribution lies within ${value}`, () => {
    assert.ok(
      Math.abs(studentQuantile(freedom, level) - value) < 0.001,
      String(studentQuantile(freedom, level)),
    )
  })
}

test('few values widen an interval greatly, many values hardly', () => {
  assert.ok(smallSampleWidth(3, 0.99) > 3)
  assert.ok(smallSampleWidth(200, 0.99) < 1.02)
})

for (const count of [3, 4, 6]) {
  test(`the interval of a difference of equals contains zero with ${count} blocks`, () => {
    const chance = seededRandom(5)
    const level = 1 - 0.05 / 8
    const noise = () => (-Math.log(1 - chance())) ** 2
    const intervals = Array.from({ length: 400 }, () =>
      medianInterval(
        Array.from({ length: count }, () => noise() - noise()),
        level,
        chance,
      ),
    )
    const held = intervals.filter(({ low, high }) => low <= 0 && high >= 0).length / intervals.length
    assert.ok(held >= 0.985, `${held}`)
  })
}
