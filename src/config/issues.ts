/** Renders zod's issues for operators: the source, the key, what was expected and what was given. */
import type { z } from 'zod'

export interface ConfigIssue {
  readonly source: string
  readonly text: string
}

type Issue = z.core.$ZodIssue

/** `sourceOf` names the source of the value at a path; issues that `counts` rejects are left out. */
export function issuesOf(
  error: z.ZodError | undefined,
  content: object,
  sourceOf: (path: readonly PropertyKey[]) => string,
  counts: (issue: Issue) => boolean = () => true,
): ConfigIssue[] {
  const issues = error?.issues.filter(counts) ?? []
  return issues.map(issue => ({ source: sourceOf(issue.path), text: textOf(issue, content) }))
}

function textOf(issue: Issue, content: object): string {
  const key = keyOf(issue.path)
  if (issue.code === 'unrecognized_keys') {
    const keys = issue.keys.map(name => keyOf([...issue.path, name]))
    return `unknown key ${keys.join(', ')}; docs/reference.md lists all keys`
  }
  const given = valueAt(content, issue.path)
  // The value itself says more than its type, which zod names at the end.
  const expected = issue.message.replace(/^Invalid (input|option): |^Too (big|small): |, received \S+$/g, '')
  return given === undefined ? `${key}: ${expected}` : `${key}: ${expected}, got ${JSON.stringify(given)}`
}

/** `engines.prefill[0].url` */
function keyOf(path: readonly PropertyKey[]): string {
  const parts = path.map(part => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
  return parts.join('').replace(/^\./, '') || 'configuration'
}

function valueAt(content: unknown, path: readonly PropertyKey[]): unknown {
  const [key, ...rest] = path
  if (key === undefined) return content
  return typeof content === 'object' && content !== null
    ? valueAt(Reflect.get(content, key), rest)
    : undefined
}
