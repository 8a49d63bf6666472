/** Which engines serve an API that not all of them have. Pure. */
import type { Endpoint } from '../core/endpoint.ts'
import type { Engine } from '../core/engine.ts'
import { isAtLeast } from '../core/text/version.ts'

const OPTIONAL: ReadonlySet<Endpoint> = new Set(['responses', 'messages', 'count-tokens'])

/**
 * The first version of SGLang known to read bootstrap fields on these APIs. An engine of a pair that does not read them
 * may end at a request without (2026-07).
 */
const FIRST_IN_PAIRS = [0, 5, 23] as const

/**
 * A test for engines that serve the endpoint; `undefined` if all do. vLLM has no `/generate` (0.32.0), SGLang's server in
 * Rust none of the other APIs (0.5.23). An engine that does not say what it is may have them: it is asked.
 */
export function servingTest(endpoint: Endpoint): ((engine: Engine) => boolean) | undefined {
  if (endpoint === 'generate') return isNotVllm
  if (!OPTIONAL.has(endpoint)) return undefined
  return endpoint === 'count-tokens' ? isNotRust : mayServe
}

function mayServe(engine: Engine): boolean {
  const { version } = engine
  return (
    isNotRust(engine) &&
    (engine.role === 'mixed' || version === undefined || isAtLeast(version, FIRST_IN_PAIRS))
  )
}

function isNotVllm({ isVllm }: Engine): boolean {
  return !isVllm
}

function isNotRust({ frontend }: Engine): boolean {
  return frontend !== 'rust'
}
