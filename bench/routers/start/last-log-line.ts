/** What a program said last, out of the end of its log: one line, without colours. Pure. */

const LIMIT = 200
// oxlint-disable-next-line no-control-regex -- colours of a terminal begin with this very character
const COLOURS = /\u001b\[[\d;]*m/g
const TELLING = /error|panic|fatal|exception|\bfail/i

/** The last line that looks like a reason; else the last one; for an empty log, that it said nothing. */
export function lastWords(log: string): string {
  const lines = log
    .replaceAll(COLOURS, '')
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
  const told = lines.findLast(line => TELLING.test(line)) ?? lines.at(-1)
  return told === undefined ? 'it said nothing' : told.slice(0, LIMIT)
}
