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
    .default(4_194_304)
    .describe(
      'Maximum number of bytes of the short values of a request body, such as those of lists with one value per prompt, that are read at once. A body of more is rejected with 400, because reading it would stop a router thread. Long texts, lists and objects do not count: they are skipped in steps.',
    ),
  stepBytes: z
    .int()
    .min(1024)
    .default(262_144)
    .describe(
      'Number of bytes of a large request body or response that a router thread examines before it turns to other work.',
    ),
  nameBytes: z
    .int()
    .min(64)
    .default(1024)
    .describe(
      'Maximum length of the model and of each rid in a request body, in bytes. A routing key that is longer does not count.',
    ),
  samples: z
    .int()
    .min(1)
    .default(128)
    .describe('Maximum n of a request. Each sample is sent to the engines as a request of its own.'),
} as const
