/** Student's t: how much wider an interval must be when the spread is known from a few values only. Pure. */

/** As good as the normal distribution. */
const MANY = 1000
const HALVINGS = 60

/** Times that an interval of `count` values, 2 or more, is as wide as one of many at the same `level`, 0..1. */
export function smallSampleWidth(count: number, level: number): number {
  return studentQuantile(count - 1, level) / studentQuantile(MANY, level)
}

/** Between minus and plus this lies the share `level` of the distribution. `freedom`: degrees, 1 or more. */
export function studentQuantile(freedom: number, level: number): number {
  let [low, high] = [0, Math.PI / 2]
  for (let at = 0; at < HALVINGS; at++) {
    const middle = (low + high) / 2
    if (centralShare(freedom, middle) < level) low = middle
    else high = middle
  }
  return Math.tan(low) * Math.sqrt(freedom)
}

/** Of an angle with tan(angle) = t / sqrt(freedom): Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4. */
function centralShare(freedom: number, angle: number): number {
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)]
  const isOdd = freedom % 2 === 1
  let term = isOdd ? cosine : 1
  let sum = freedom === 1 ? 0 : term
  for (let power = isOdd ? 3 : 2; power <= freedom - 2; power += 2) {
    term *= ((power - 1) / power) * cosine ** 2
    sum += term
  }
  return isOdd ? (2 / Math.PI) * (angle + sine * sum) : sine * sum
}
