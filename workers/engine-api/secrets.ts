/** Removes from an engine's report what is not for clients: keys, and command lines, which contain keys. Pure. */

/** Names of fields whose text is secret, in any spelling: `api_key`, `hf_token`, `ssl_keyfile_password`. */
const SECRET = /(?:^|_)(?:api_?keys?|keys?|tokens?|secrets?|passwords?|credentials?|authorization)$/i
/** Command lines and environments of SGLang and vLLM, which repeat the keys that they were given. */
const COMMAND = /^(?:launch_command|command_line|cmdline|argv|env|environ|environment)$/i

/** A copy without secrets, at any depth. Numbers stay: `max_total_num_tokens` is none. */
export function withoutSecrets<Value>(value: Value): Value {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the copy has the shape of the value
  return copyOf(value) as Value
}

function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf)
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).filter(([name, inner]) => !isSecret(name, inner))
  return Object.fromEntries(kept.map(([name, inner]) => [name, copyOf(inner)]))
}

function isSecret(name: string, value: unknown): boolean {
  if (COMMAND.test(name)) return true
  return SECRET.test(name) && (typeof value === 'string' || Array.isArray(value))
}
