/**
 * Removes from engines' error messages what is not for clients: the gateway's own members of a request (bootstrap
 * addresses, rooms, rids), addresses inside the fleet, and tracebacks and paths of the engines. Validation errors quote
 * the whole request and name the source file (SGLang 0.5.23), possibly cut in the middle of a key. Pure.
 *
 * Every pattern takes time linear in the message, because clients decide what engines quote.
 */

const HIDDEN = '…'

/** In this order: what is cut off first may hold what the others look for. */
const PATTERNS: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  // The endpoint that FastAPI names below its validation errors, and single frames of Python.
  [/(?:\s|\\n){0,8}\bFile \\*"[^"\n]*", line \d+(?:, in [\w<>.]+)?(?:(?:\n|\\n) +[A-Z]+ \/\S*)?/g, ''],
  [/\s{0,8}(?:\bException raised from |\bframe #\d+: |C\+\+ CapturedTraceback:|\bstack backtrace:)[^]*$/, ''],
  // A key, or the end of one, with its value as JSON, as Python writes it, or after an equals sign.
  [
    /(?<![a-z])((?:[a-z]+_|_)(?:host|port|room|addr|ip)\\*['"]?\s*[:=]\s*)(?:\\*'[^']*'?|\\*"[^"]*"?|\[[^\]]*\]?|[^\s,)}\]]+)/g,
    `$1${HIDDEN}`,
  ],
  [/\b((?:host|port|ip)=)(?:'[^']*'?|"[^"]*"?|[^\s,)}\]]+)/g, `$1${HIDDEN}`],
  [/(\brid\\*['"]?\s*[:=]\s*)(\\*['"]?)[0-9a-f]{32}\2/g, `$1${HIDDEN}`],
  // `bootstrap_room 1001`, `Request 7391 timed out`, `Failed to send kv chunk of 7391 to …`.
  [/\b((?:\w+_)?room )\d+/g, `$1${HIDDEN}`],
  [/\b(Request |(?:chunk|data) of )\d{4,}\b/g, `$1${HIDDEN}`],
  // Addresses: with a port in a URL, IPv4, IPv6 in brackets, host and port.
  [/(\bhttps?:\/\/)[^\s/'"\\]+:\d{2,5}(?:\/[^\s'"\\)]*)?/g, `$1${HIDDEN}`],
  [/(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?(?![\w.]*\d)/g, HIDDEN],
  [/\[(?=[^\]:]*:[^\]:]*:)[0-9a-f:.%]{2,60}\](?::\d{1,5})?/gi, HIDDEN],
  [/(?<![\w.-])(?=\w*[.-]|localhost:)[a-z][\w.-]*:\d{4,5}\b/gi, HIDDEN],
  // Paths: of source and model files, then of anything below the usual folders.
  [
    /(?<![\w./@+:-])[\w./@+-]*\/[\w.@+-]*\.(?:pyc?|so(?:\.\d+)*|rs|c|cc|cpp|cxx|cu|cuh|h|hpp|toml|json|safetensors|jinja|sock|bin|model)(?::\d+)*(?![\w/])/g,
    HIDDEN,
  ],
  [
    /(?<![\w./-])\/(?:usr|root|home|opt|var|tmp|etc|proc|dev|mnt|srv|data|app|build|workspace|sgl-workspace|venv)\/[^\s'"`,;:)\]}>]*(?::\d+)*/g,
    HIDDEN,
  ],
]

const TRACEBACK = 'Traceback (most recent call last)'
/** Lines between the frames of a traceback that say nothing about the error. */
const TRACEBACK_LINE = /^(?:\s|Traceback |During handling of|The above exception|$)/

/** The message for a client. Logs keep the whole one. */
export function withoutHiddenDetails(message: string): string {
  return PATTERNS.reduce(
    (text, [pattern, replacement]) => text.replace(pattern, replacement),
    withoutTraceback(message),
  )
}

/** Python's traceback becomes its last line, which is the error itself. */
function withoutTraceback(message: string): string {
  const start = message.indexOf(TRACEBACK)
  if (start < 0) return message
  const lines = message.slice(start).split(/\n|\\n/)
  const error = lines.findLast(line => !TRACEBACK_LINE.test(line)) ?? HIDDEN
  return message.slice(0, start) + error
}

/** The keys under which an engine's event has an error message, and not what it generated. */
const MESSAGE_KEYS = new Set(['message', 'error', 'detail', 'msg'])

/** The same for all texts in a JSON body. A body without such details is returned as it is. */
export function bodyWithoutHiddenDetails(body: string): string {
  return withHidden(body, () => true)
}

/** The same for the messages in the JSON of an event, which may also hold generated text. */
export function eventWithoutHiddenDetails(data: string): string {
  return withHidden(data, key => MESSAGE_KEYS.has(key))
}

function withHidden(json: string, isMessage: (key: string) => boolean): string {
  let isChanged = false
  const hide = (key: string, value: unknown): unknown => {
    if (typeof value !== 'string' || !isMessage(key)) return value
    const text = withoutHiddenDetails(value)
    isChanged ||= text !== value
    return text
  }
  const hidden: unknown = JSON.parse(json, hide)
  return isChanged ? JSON.stringify(hidden) : json
}
