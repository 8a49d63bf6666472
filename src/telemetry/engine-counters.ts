/** The counters of engines, by name. Each has the labels `engine` and `role` besides those named here. */
import { CACHE_CORRECTIONS } from '../shared/engine-caches.ts'

/** Causes of failed attempts, as `workers/classify/failure.ts` distinguishes them. */
export const CAUSES = [
  'status',
  'transport',
  'stale-socket',
  'error-event',
  'abort',
  'stalled',
  'no-token',
  'token-mismatch',
  'protocol',
  'no-engine',
  'local',
] as const

/** Reasons of choices, as `policy/policy.ts` distinguishes them. */
const REASONS = [
  'only',
  'load',
  'turn',
  'random',
  'cached',
  'cheaper',
  'hashed',
  'key',
  'prefix',
  'length',
] as const

/** Counted per engine slot. */
export const ENGINE_COUNTERS = {
  pdgw_engine_attempts_total: {
    help: 'Legs of attempts started on the engine, including legs that were never sent.',
    labels: [],
    values: [''],
  },
  pdgw_engine_choices_total: {
    help: 'Legs of attempts started on the engine, by the reason of the choice: only (no other engine could be chosen), load (smallest load, or what the prefix, the key or the length names has far too much to do), turn, random, cached (longest cached prefix), cheaper (less costly than the engine with a longer cached prefix), hashed (nothing of the prompt is cached anywhere), key (routing key), prefix (beginning of the prompt) or length (of the prompt).',
    labels: ['reason'],
    values: REASONS,
  },
  pdgw_engine_unsent_legs_total: {
    help: 'Legs started on the engine that ended before any byte was sent, because no connection was made or the other leg failed first.',
    labels: [],
    values: [''],
  },
  pdgw_engine_prompt_tokens_total: {
    help: 'Tokens of the prompts that the engine computed, as far as its responses report how many were cached.',
    labels: [],
    values: [''],
  },
  pdgw_engine_cached_tokens_total: {
    help: 'Tokens of these prompts that the engine had cached.',
    labels: [],
    values: [''],
  },
  pdgw_engine_predicted_tokens_total: {
    help: 'Tokens of these prompts that the gateway expected to be cached. Always 0 without policy cache_aware.',
    labels: [],
    values: [''],
  },
  pdgw_engine_cache_corrections_total: {
    help: 'Predictions of what the engine has cached that were wrong, by kind: evicted (less was cached than expected), lost (nothing was, although older prefixes had been found: the cache was flushed or the engine restarted), unexpected (more was cached, by a tenth of the prompt or more) or away (the engine is back after a failed probe, and nothing is expected of its cache).',
    labels: ['kind'],
    values: CACHE_CORRECTIONS,
  },
  pdgw_engine_kv_events_total: {
    help: 'KV events received from the engine, by kind: stored, removed, cleared, ignored (of blocks that depend on more than tokens, or of an unknown type), malformed, or unplaced (stored, but without an effect, because what is before the block is unknown or policy.kvEvents.maxBlocks is reached; also counted as stored).',
    labels: ['kind'],
    values: ['stored', 'removed', 'cleared', 'ignored', 'malformed', 'unplaced'],
  },
  pdgw_engine_kv_event_gaps_total: {
    help: 'Times that KV events of the engine were missed, by outcome: replayed (the engine has sent them again) or forgotten (its blocks were forgotten).',
    labels: ['outcome'],
    values: ['replayed', 'forgotten'],
  },
  pdgw_engine_failures_total: {
    help: 'Failures of attempts that are charged to the engine, by cause.',
    labels: ['cause'],
    values: CAUSES,
  },
  pdgw_engine_breaker_transitions_total: {
    help: 'Transitions of the circuit breaker that requests caused, by new state. Resets by an operator or after recovery are not counted.',
    labels: ['to'],
    values: ['closed', 'open', 'half-open'],
  },
} as const
