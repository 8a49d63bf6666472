/** Flags that say how engines are chosen. Several are names of other routers for the same key. */

import { anyInteger, assignmentOf, commaList, policyOf, tokensToBytes } from '../compat/values.ts'
import { type CliFlag, count, text } from './cli-option.ts'

/** Another router's name of a flag. */
const alias = (flag: CliFlag, name: string): CliFlag => ({
  ...flag,
  flag: name,
  help: `Other name of --${flag.flag}.`,
})

/** A count without an upper bound. */
const integer = (flag: string, path: string, placeholder?: string): CliFlag => ({
  ...count(flag, path, placeholder),
  convert: anyInteger,
})

const CACHE_THRESHOLD = count('cache-threshold', 'policy.cacheThreshold', 'share')
const BALANCE_ABS = integer('balance-abs-threshold', 'policy.balanceAbs')
const BALANCE_REL = count('balance-rel-threshold', 'policy.balanceRel', 'factor')
const HASH_HEADER: CliFlag = {
  flag: 'hash-header',
  shape: 'list',
  path: ['policy', 'keyHeaders'],
  placeholder: 'name',
  convert: commaList,
}
const STICKY: CliFlag = { flag: 'sticky-sessions', shape: 'flag', path: ['policy', 'sticky'] }
const LOAD_FACTOR = count('hash-load-factor', 'policy.loadFactor', 'factor')
const LOAD_MARGIN = integer('hash-load-margin', 'policy.loadMargin')
const IDLE_SECS = integer('max-idle-secs', 'policy.stickyIdleSecs', 'seconds')

export const POLICY_FLAGS: readonly CliFlag[] = [
  { ...text('policy', 'policy.main', 'name'), convert: policyOf },
  { ...text('prefill-policy', 'policy.prefill', 'name'), convert: policyOf },
  { ...text('decode-policy', 'policy.decode', 'name'), convert: policyOf },
  count('index-bytes', 'policy.indexBytes', 'bytes'),
  CACHE_THRESHOLD,
  alias(CACHE_THRESHOLD, 'cache-match-threshold'),
  BALANCE_ABS,
  alias(BALANCE_ABS, 'spill-abs-threshold'),
  BALANCE_REL,
  alias(BALANCE_REL, 'spill-rel-threshold'),
  HASH_HEADER,
  alias(HASH_HEADER, 'routing-key-headers'),
  {
    flag: 'hash-field',
    shape: 'list',
    path: ['policy', 'keyFields'],
    placeholder: 'path',
    convert: commaList,
  },
  LOAD_FACTOR,
  alias(LOAD_FACTOR, 'prefix-hash-load-factor'),
  LOAD_MARGIN,
  alias(LOAD_MARGIN, 'prefix-hash-balance-abs-threshold'),
  {
    ...count('prefix-token-count', 'policy.prefixBytes'),
    help: 'Tokens of the beginning of a prompt that prefix_hash goes by. Sets policy.prefixBytes to four times as many bytes.',
    convert: tokensToBytes,
    shownDefault: bytes => (typeof bytes === 'number' ? bytes / 4 : bytes),
  },
  STICKY,
  alias(STICKY, 'routing-key-override'),
  { ...text('assignment-mode', 'policy.assignment', 'mode'), convert: assignmentOf },
  IDLE_SECS,
  alias(IDLE_SECS, 'sticky-key-idle-secs'),
  integer('bucket-adjust-interval-secs', 'policy.bucketAdjustSecs', 'seconds'),
  text('default-model', 'policy.defaultModel', 'name'),
  { flag: 'kv-events', shape: 'flag', path: ['policy', 'kvEvents', 'enabled'] },
]
