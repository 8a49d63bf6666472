/** Names of the parts of the lab with client programs, in the order in which they run. */
export const CLIENT_PARTS = [
  'openai-python',
  'httpx',
  'litellm',
  'openai-node',
  'web-tools',
  'nginx',
  'haproxy',
  'caddy',
  'aiperf',
  'guidellm',
  'vllm',
  'sglang',
] as const

export type ClientPart = (typeof CLIENT_PARTS)[number]
