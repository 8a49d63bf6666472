/** Finds settings that are valid by themselves but contradict each other. Pure; zod has checked their shape before. */
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
      'mixed engines are configured, but engines.mode is pd: remove them or set the mode to mixed',
    )
  }
  for (const role of ['prefill', 'decode'] as const) {
    if (engines.mode === 'mixed' && engines[role].length > 0)
      report(
        role,
        `${role} engines are configured, but engines.mode is mixed: remove them or set the mode to pd`,
      )
  }
  for (const role of ['prefill', 'decode', 'mixed'] as const) {
    for (const url of repeated(engines[role].map(engine => engine.url)))
      report(role, `${url} is listed twice`)
  }
  const count = engines.prefill.length + engines.decode.length + engines.mixed.length
  if (count > limits.engines)
    report('mode', `${count} engines are configured, but limits.engines is ${limits.engines}`)
  return issues
}

function repeated(urls: readonly string[]): Set<string> {
  return new Set(urls.filter((url, index) => urls.indexOf(url) !== index))
}
