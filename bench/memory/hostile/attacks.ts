/** The requests of hostile clients: what they send, and how they read. Pure. */

export interface Attack {
  readonly name: string
  readonly path: string
  /** The body is `start`, then `filler` as often as fits into `bytes`, then `end`. */
  readonly start: string
  readonly filler: string
  readonly end: string
  readonly bytes: number
  readonly isChunked?: boolean
  /** Bytes that the client reads of its answer every 100 ms; unset: all that come. */
  readonly readBytes?: number
}

const MIB = 1024 * 1024
/** Below the default of `limits.bodyBytes`. */
const LARGEST = 64 * MIB - 4096
const TEXT = 'x'.repeat(4096)
const GENERATE = '/generate?answer-bytes=1024'
const PARAMS = '"sampling_params":{"max_new_tokens":8}'
const SAMPLES = '"sampling_params":{"n":128,"max_new_tokens":8}'

/** Each client repeats one of them; client i takes entry i modulo the length. */
export const ATTACKS: readonly Attack[] = [
  whole('upload', GENERATE, { start: `{${PARAMS},"text":"`, filler: TEXT, end: '"}', bytes: LARGEST }),
  {
    ...whole('upload in chunks', GENERATE, {
      start: `{${PARAMS},"text":"`,
      filler: TEXT,
      end: '"}',
      bytes: LARGEST,
    }),
    isChunked: true,
  },
  whole('samples', '/generate?answer-bytes=131072', {
    start: `{${SAMPLES},"text":"`,
    filler: TEXT,
    end: '"}',
    bytes: 2 * MIB,
  }),
  whole('samples of large answers', '/generate?answer-bytes=1048576', {
    start: `{${SAMPLES},"text":"`,
    filler: TEXT,
    end: '"}',
    bytes: MIB,
  }),
  { ...slow('slow reader of an answer', '/generate?answer-bytes=33554432', ''), readBytes: 4096 },
  {
    ...slow('slow reader of a stream', '/generate?stream-bytes=33554432', ',"stream":true'),
    readBytes: 4096,
  },
  whole('members', GENERATE, { start: `{${PARAMS},"x":1`, filler: ',"a":0', end: '}', bytes: LARGEST }),
  whole('lists', GENERATE, {
    start: `{${PARAMS},"text":"x","x":[0`,
    filler: ',[1]',
    end: ']}',
    bytes: LARGEST,
  }),
]

function whole(name: string, path: string, body: Pick<Attack, 'start' | 'filler' | 'end' | 'bytes'>): Attack {
  return { name, path, ...body }
}

function slow(name: string, path: string, more: string): Attack {
  return { name, path, start: `{${PARAMS},"text":"x"${more}`, filler: '', end: '}', bytes: 0 }
}
