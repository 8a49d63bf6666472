/** Student's t-distribution: how much wider an interval must be if the spread is known from a few values only. Pure. */

/** Degrees of freedom at which the distribution is practically normal. */
const MANY = 1000
const HALVINGS = 60

/** Width of an interval of `count` values, 2 or more, relative to that of many values at the same `level`, 0..1. */
export function smallSampleWidth(count: number, level: number): number {
  return studentQuantile(count - 1, level) / studentQuantile(MANY, level)
}

/** The bound x such that the share `level` lies between -x and x. `freedom` is the degrees of freedom, 1 or more. */
export function studentQuantile(freedom: number, level: number): number {
  let [low, high] = [0, Math.PI / 2]
  for (let step = 0; step < HALVINGS; step++) {
    const middle = (low + high) / 2
    if (centralShare(freedom, middle) < level) low = middle
    else high = middle
  }
  return Math.tan(low) * Math.sqrt(freedom)
}

/** For an angle with tan(angle) = t / sqrt(freedom); Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4. */
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
