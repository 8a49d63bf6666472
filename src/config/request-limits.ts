/** The keys of section `limits` that bound what the gateway reads of one request body. */
import { z } from 'zod'

export const requestLimits = {
  prompts: z
    .int()
    .min(1)
    .default(16_384)
    .describe(
      'Maximum number of prompts of a request times its samples. Each is sent to the engines as a request of its own. A request with more is rejected with 400.',
    ),
  members: z
    .int()
    .min(64)
    .default(1024)
    .describe(
      'Maximum number of members of an object that the gateway reads in a request body: the body itself, sampling_params and stream_options. A request with more is rejected with 400, because each member costs memory. Other objects, such as logit_bias, may have any number.',
    ),
  scanBytes: z
    .int()
    .min(1024)
    .default(16_777_216)
    .describe(
      'Maximum number of bytes of a request body that are examined one by one. Long texts and lists of numbers are searched and do not count. A body of more short or nested values is rejected with 400, because reading it would stop a router thread.',
    ),
  samples: z
    .int()
    .min(1)
    .default(128)
    .describe('Maximum n of a request. Each sample is sent to the engines as a request of its own.'),
} as const
