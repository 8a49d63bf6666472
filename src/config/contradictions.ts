/** Settings that are each right and cannot both be meant. Pure; the shape was checked by zod before. */
import type { Config } from './config.ts'
import type { ConfigIssue } from './issues.ts'

export function contradictions(
  { engines, limits }: Config,
  sourceOf: (path: readonly string[]) => string,
): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  const report = (key: string, text: string): void => {
    issues.push({ source: sourceOf(['engines', key]), text: `engines.${key}: ${text}` })
  }
  if (engines.mode === 'pd' && engines.mixed.length > 0) {
    report(
      'mixed',
      'engines of the mixed mode are given, but the mode is pd: give prefill and decode engines',
    )
  }
  for (const role of ['prefill', 'decode'] as const) {
    if (engines.mode === 'mixed' && engines[role].length > 0) {
      report(role, `${role} engines are given, but the mode is mixed: set the mode to pd or leave them out`)
    }
  }
  for (const role of ['prefill', 'decode', 'mixed'] as const) {
    for (const url of repeated(engines[role].map(engine => engine.url))) report(role, `${url} is given twice`)
  }
  const count = engines.prefill.length + engines.decode.length + engines.mixed.length
  if (count > limits.engines)
    report('mode', `${count} engines are more than limits.engines (${limits.engines})`)
  return issues
}

function repeated(urls: readonly string[]): Set<string> {
  return new Set(urls.filter((url, index) => urls.indexOf(url) !== index))
}
