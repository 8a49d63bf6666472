/** Names of the times in vLLM's result file; apart from it, so that flags can name them without loading it. */

/** The queue is the one before `--max-concurrency`: its two metrics are in the file only when there is that bound. */
export const VLLM_METRICS = [
  'ttft',
  'tpot',
  'itl',
  'e2el',
  'client_queue_time',
  'e2el_including_client_queue',
] as const

export type VllmMetric = (typeof VLLM_METRICS)[number]
