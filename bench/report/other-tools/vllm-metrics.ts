/** Names of the metrics in vLLM's result file, in a file of their own so that flags can list them cheaply. */

/** The client queue is the wait for `--max-concurrency`; its two metrics exist only with that flag. */
export const VLLM_METRICS = [
  'ttft',
  'tpot',
  'itl',
  'e2el',
  'client_queue_time',
  'e2el_including_client_queue',
] as const

export type VllmMetric = (typeof VLLM_METRICS)[number]
