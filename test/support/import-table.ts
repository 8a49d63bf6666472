/** Who may import what. Enforced by `architecture.test.ts`; `docs.test.ts` holds the tables of ARCHITECTURE.md to it. */

/** Folder -> folders it may import. Read top-down: a folder may only name folders above it, so no cycle fits in. */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'src/core': [],
  'src/config': ['src/core'],
  'src/shared': ['src/core'],
  'src/resilience': ['src/core'],
  'src/policy': ['src/core'],
  'src/messages': ['src/core', 'src/config', 'src/shared'],
  'src/telemetry': ['src/core', 'src/config', 'src/shared'],
  'src/frontend': ['src/core', 'src/config', 'src/shared', 'src/messages', 'src/telemetry'],
  'src/dispatch': ['src/core', 'src/config', 'src/shared', 'src/messages', 'src/telemetry'],
  'src/control': ['src/core', 'src/config', 'src/shared', 'src/messages', 'src/telemetry'],
  'src/admin': ['src/core', 'src/config', 'src/shared', 'src/messages', 'src/telemetry', 'src/control'],
  workers: [
    'src/core',
    'src/config',
    'src/shared',
    'src/resilience',
    'src/policy',
    'src/messages',
    'src/telemetry',
  ],
  bench: [],
  'src/cli': ['src/core', 'src/config', 'src/telemetry', 'bench'],
  src: [
    'src/core',
    'src/config',
    'src/shared',
    'src/messages',
    'src/telemetry',
    'src/frontend',
    'src/dispatch',
    'src/control',
    'src/cli',
  ],
}

/** The files that may reach where their folder may not: the gateway's loader of uWS, and code that is measured alone. */
export const SINGLE_EDGES: Readonly<Record<string, string>> = {
  'bench/canned/uws.ts': 'src/frontend',
  'bench/micro/hot-path.ts': 'workers',
}

/** External package -> the files that may import it; a place that ends with a slash means all files below it. */
export const EXTERNALS: Readonly<Record<string, readonly string[]>> = {
  'uWebSockets.js': ['src/frontend/uws.ts', 'bench/'],
  piscina: ['src/dispatch/thread-pool.ts'],
  undici: ['workers/upstream/undici.ts'],
  msgpackr: ['src/messages/codec.ts'],
  pino: ['src/telemetry/log.ts'],
  zod: ['src/config/', 'bench/'],
  commander: ['src/cli/'],
  mitata: ['bench/micro/'],
  'log-update': ['bench/command/progress/progress.ts'],
  uplot: ['bench/report/html/assets.ts'],
  yaml: ['src/config/load.ts', 'bench/'],
}
