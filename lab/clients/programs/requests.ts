/** Requests to the simulated engines. Pure. */

const MESSAGES = [{ role: 'user', content: 'Write a story.' }]

/** Body of a chat request that gets exactly that many tokens. */
export function chat(tokens: number, fields: object = {}): object {
  return { model: 'sim', messages: MESSAGES, max_tokens: tokens, ...fields }
}

export function streamedChat(tokens: number): object {
  return chat(tokens, { stream: true, stream_options: { include_usage: true } })
}

export const CHAT_PATH = '/v1/chat/completions'
