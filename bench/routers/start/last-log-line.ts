/** Finds the line of a program's log that most likely says why it failed. Pure. */

const LENGTH_LIMIT = 200
// oxlint-disable-next-line no-control-regex -- terminal colours start with this character
const COLOURS = /\u001b\[[\d;]*m/g
const FAILURE = /error|panic|fatal|exception|\bfail/i

/** The last line that mentions a failure, otherwise the last line. */
export function lastLogLine(log: string): string {
  const lines = log
    .replaceAll(COLOURS, '')
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
  const line = lines.findLast(candidate => FAILURE.test(candidate)) ?? lines.at(-1)
  return line === undefined ? 'no output' : line.slice(0, LENGTH_LIMIT)
}
