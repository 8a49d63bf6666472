/** A request as policies see it. What a policy does not read is not worked out. */
import type { PromptView, RequestView } from '../../src/policy/policy.ts'
import type { HashedPrompt } from '../request/block-hashes.ts'

/** What policies may go by. */
export interface RoutedBy {
  /** `undefined` if no policy reads prompts. */
  readonly prompt: HashedPrompt | undefined
  /** Hash of the routing key; `undefined` if there is none, or if no policy goes by keys. */
  readonly key: number | undefined
}

export interface RequestViewOptions {
  readonly promptCaches: { viewOf(prompt: HashedPrompt): PromptView | undefined }
  /** See `policy.prefixBytes`. */
  readonly prefixBytes: number
}

/** `undefined` if nothing of the request matters. */
export function requestViewOf(request: RoutedBy, options: RequestViewOptions): RequestView | undefined {
  return request.prompt === undefined && request.key === undefined
    ? undefined
    : new LazyRequestView(request, options)
}

class LazyRequestView implements RequestView {
  readonly key: number | undefined
  readonly #prompt: HashedPrompt | undefined
  readonly #options: RequestViewOptions

  constructor({ prompt, key }: RoutedBy, options: RequestViewOptions) {
    this.key = key
    this.#prompt = prompt
    this.#options = options
  }

  get prompt(): PromptView | undefined {
    return this.#prompt && this.#options.promptCaches.viewOf(this.#prompt)
  }

  get shortKey(): number | undefined {
    return this.#prompt?.shortKey
  }

  get prefixKey(): number | undefined {
    return this.#prompt?.prefixKey(this.#options.prefixBytes)
  }

  get promptBytes(): number | undefined {
    return this.#prompt?.bytes
  }
}
