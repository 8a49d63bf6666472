/** `/generate` and OpenAI's chat and completions, whose streams end with `[DONE]`. Every engine serves them. */
import { isDoneData } from '../sse/events.ts'
import { type Dialect, literalMeaning } from './dialect.ts'
import { classifyBody, classifyPayload } from './done-payload.ts'
import { summarizeEventFast, summarizeFast } from './fast-path.ts'
import { mayHoldFailure, mayHoldFailureOrEnd } from './sign-scan.ts'

export const DONE_DIALECT: Dialect = {
  isOptional: false,
  echoes: 1,
  summarizeBody: summarizeFast,
  summarizeData: summarizeEventFast,
  classifyBody,
  classifyData: classifyPayload,
  isEnd: ({ data }) => isDoneData(data),
  mayHoldSigns: mayHoldFailureOrEnd,
  mayHoldFailure,
  meaningOf: literalMeaning,
}
