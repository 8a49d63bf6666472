/** `/generate` and OpenAI's chat and completions, whose streams end with `[DONE]`. Every engine serves them. */
import { asBuffer } from '../json/bytes.ts'
import { isDoneData } from '../sse/events.ts'
import { type Dialect, literalMeaning } from './dialect.ts'
import { classifyBody, classifyPayload } from './done-payload.ts'
import { summarizeEventFast, summarizeFast } from './fast-path.ts'
import { mayHoldFailure, mayHoldFailureEndOrUsage, mayHoldFailureOrEnd } from './sign-scan.ts'

const USAGE = Buffer.from('"usage"')

export const DONE_DIALECT: Dialect = {
  isOptional: false,
  echoes: 1,
  summarizeBody: summarizeFast,
  summarizeData: summarizeEventFast,
  classifyBody,
  classifyData: classifyPayload,
  isEnd: ({ data }) => isDoneData(data),
  mayHoldSigns: (block, awaitsUsage) =>
    awaitsUsage ? mayHoldFailureEndOrUsage(block) : mayHoldFailureOrEnd(block),
  mayHoldFailure,
  mayHoldUsage: data => asBuffer(data).includes(USAGE),
  meaningOf: literalMeaning,
}
