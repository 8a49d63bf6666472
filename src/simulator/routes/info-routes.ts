/** Routes that describe an engine: its model, its arguments, its load. */
import type { EngineState, Route } from '../engine/engine-state.ts'
import { internalServerError, sendJson } from '../http/http-response.ts'
import { maxReqInputLen } from '../scheduler/prompt-limits.ts'
import type { SchedulerLoad } from '../sequence/scheduler.ts'
import { traitsOf } from '../settings/profiles.ts'

const WEIGHTS_GB = 15.1

export const models: Route = (engine, { response }) => {
  const { modelId, contextLen } = engine.knobs
  const model = { id: modelId, object: 'model', created: 1_785_000_000, owned_by: 'sglang', root: modelId }
  const data = [{ ...model, parent: null, max_model_len: contextLen }]
  sendJson(response, 200, JSON.stringify({ object: 'list', data }))
}

export const modelInfo: Route = (engine, { response }) => {
  const { modelId } = engine.knobs
  const body = {
    model_path: modelId,
    tokenizer_path: modelId,
    is_generation: true,
    preferred_sampling_params: null,
    weight_version: 'default',
    has_image_understanding: false,
    has_audio_understanding: false,
    model_type: 'llama',
    architectures: ['LlamaForCausalLM'],
  }
  sendJson(response, 200, JSON.stringify(body))
}

/** Hangs while the scheduler is stalled, because SGLang asks the scheduler (2026-07). */
export const serverInfo: Route = (engine, { response }) => {
  if (engine.health === 'stalled') return
  const { knobs } = engine
  const body = {
    model_path: knobs.modelId,
    served_model_name: knobs.modelId,
    host: engine.name.slice(0, engine.name.lastIndexOf(':')),
    port: engine.port,
    tp_size: 1,
    dp_size: knobs.dpSize,
    page_size: knobs.pageSize,
    disaggregation_mode: modeOf(engine),
    disaggregation_bootstrap_port: engine.bootstrapPort === 0 ? 8998 : engine.bootstrapPort,
    disaggregation_transfer_backend: knobs.backend,
    load_balance_method: engine.role === 'prefill' ? 'follow_bootstrap_room' : 'round_robin',
    max_running_requests: knobs.maxRunning,
    max_queued_requests: knobs.maxQueued === 0 ? null : knobs.maxQueued,
    stream_interval: knobs.streamInterval,
    incremental_streaming_output: knobs.incrementalStreaming,
    enable_metrics: false,
    status: engine.health === 'up' ? 'ready' : engine.health,
    max_total_num_tokens: knobs.kvTokens,
    max_req_input_len: maxReqInputLen(knobs),
    internal_states: Array.from({ length: knobs.dpSize }, () => ({
      last_gen_throughput: 0,
      memory_usage: {
        weight: WEIGHTS_GB,
        kvcache: kvGb(engine),
        token_capacity: knobs.kvTokens,
        graph: { decode: 1.1 },
      },
      effective_max_running_requests_per_dp: knobs.maxRunning,
    })),
    version: knobs.version,
    frontend: traitsOf(knobs).frontend,
    api_key: knobs.apiKey === '' ? null : knobs.apiKey,
    launch_command: `python -m sglang.launch_server --model-path ${knobs.modelId}`,
    kv_events: null,
  }
  sendJson(response, 200, JSON.stringify(body))
}

export const loads: Route = (engine, { response, query }) => {
  const include = (query.get('include') ?? 'core').split(',')
  const wrong = include.find(section => !SECTIONS.has(section))
  if (wrong !== undefined) {
    if (traitsOf(engine.knobs).checksSchema) return internalServerError(response)
    return sendJson(response, 400, JSON.stringify({ detail: `Invalid include section: ${wrong}` }))
  }
  const now = new Date()
  const body = {
    timestamp: now.toISOString().replace('Z', '000+00:00'),
    version: engine.knobs.version,
    loads: engine.schedulers
      .map((scheduler, rank) => loadOf(engine, now, rank, scheduler.load()))
      .filter((_, rank) => !query.has('dp_rank') || query.get('dp_rank') === String(rank)),
  }
  sendJson(response, 200, JSON.stringify(body))
}

/** The load in the format of SGLang 2026-02. */
export const legacyLoad: Route = (engine, { response }) => {
  const rows = engine.schedulers.map((scheduler, rank) => legacyRow(engine, rank, scheduler.load()))
  sendJson(response, 200, JSON.stringify(rows))
}

function legacyRow(engine: EngineState, rank: number, load: SchedulerLoad): object {
  return {
    dp_rank: rank,
    num_reqs: load.running + load.waiting,
    num_waiting_reqs: load.waiting,
    num_tokens: load.usedTokens + load.waitingTokens,
    num_pending_tokens: load.waitingTokens,
    ts_tic: engine.clock.now() / 1000,
  }
}

const SECTIONS = new Set(['core', 'disagg', 'queues', 'memory', 'spec', 'lora', 'all'])

function loadOf(engine: EngineState, now: Date, rank: number, load: SchedulerLoad): object {
  const { kvTokens, maxRunning } = engine.knobs
  return {
    timestamp: now.getTime() / 1000,
    dp_rank: rank,
    // Prefill counts the requests of its forward pass nowhere (SGLang 0.5.23).
    num_running_reqs: engine.role === 'prefill' ? 0 : load.running,
    num_waiting_reqs: load.waiting,
    num_waiting_uncached_tokens: load.waitingTokens,
    num_used_tokens: load.usedTokens,
    num_total_tokens: load.usedTokens + load.waitingTokens,
    max_total_num_tokens: kvTokens,
    max_running_requests: maxRunning,
    token_usage: Number((load.usedTokens / Math.max(1, kvTokens)).toFixed(4)),
    gen_throughput: 0,
    cache_hit_rate: 0,
    utilization: Number((load.running / Math.max(1, maxRunning)).toFixed(4)),
    disaggregation: {
      mode: modeOf(engine),
      prefill_bootstrap_queue_reqs: load.bootstrapQueue,
      prefill_inflight_queue_reqs: load.inflightQueue,
      decode_prealloc_queue_reqs: load.preallocQueue,
      decode_transfer_queue_reqs: load.transferQueue,
      decode_retracted_queue_reqs: load.retractedQueue,
      kv_transfer_speed_gb_s: 0,
      kv_transfer_latency_ms: 0,
    },
    queues: { waiting: load.waiting, grammar: 0, paused: 0, retracted: load.retractedQueue },
    memory: { weight_gb: WEIGHTS_GB, kv_cache_gb: kvGb(engine), graph_gb: 1.1, token_capacity: kvTokens },
  }
}

function kvGb({ knobs }: EngineState): number {
  return Number(((knobs.kvTokens * knobs.kvBytesPerToken) / 1e9).toFixed(1))
}

function modeOf({ role }: EngineState): string {
  return role === 'mixed' ? 'null' : role
}
