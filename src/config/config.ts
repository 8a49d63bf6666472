/** The configuration: one zod object per section. Defaults are defined in the sections and nowhere else. */
import { z } from 'zod'
import { adminSchema } from './admin.ts'
import { admissionSchema } from './admission.ts'
import { enginesSchema, healthSchema } from './engines.ts'
import { breakerSchema, pairsSchema, retrySchema } from './resilience.ts'
import { limitsSchema, policySchema, timeoutsSchema, upstreamSchema } from './routing.ts'
import { logSchema, serverSchema } from './server.ts'

export const configSchema = z.strictObject({
  server: serverSchema.prefault({}),
  engines: enginesSchema.prefault({}),
  policy: policySchema.prefault({}),
  retry: retrySchema.prefault({}),
  breaker: breakerSchema.prefault({}),
  pairs: pairsSchema.prefault({}),
  timeouts: timeoutsSchema.prefault({}),
  upstream: upstreamSchema.prefault({}),
  limits: limitsSchema.prefault({}),
  admission: admissionSchema.prefault({}),
  health: healthSchema.prefault({}),
  admin: adminSchema.prefault({}),
  log: logSchema.prefault({}),
})

/** Content of a config file: every key is optional. */
export type ConfigInput = z.input<typeof configSchema>

/** Complete and validated. Plain data, so that it can be cloned to every thread. */
export type Config = z.output<typeof configSchema>
