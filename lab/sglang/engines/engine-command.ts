/** Command lines of the lab's SGLang engines. Pure. */
import { join } from 'node:path'

export type EngineRole = 'unified' | 'prefill' | 'decode'
/** SGLang's HTTP server: uvicorn in Python, or its own in Rust. */
export type Frontend = 'python' | 'rust'

export interface EngineSettings {
  readonly role: EngineRole
  readonly frontend: Frontend
  readonly port: number
  /** Port of the bootstrap server of a prefill engine in Python; in Rust it is the port of the API. */
  readonly bootstrapPort: number
  readonly modelPath: string
  /** Further flags. */
  readonly flags?: readonly string[]
}

export const MODEL = 'tiny'
/** In tokens, as in the model's configuration. */
export const CONTEXT_LENGTH = 4096
const SHIM = join(import.meta.dirname, '..', 'python', 'shim')

/**
 * Without `--sleep-on-idle` an idle scheduler takes a whole core. Overlapped scheduling and CUDA graphs need a GPU, as
 * does the pinned memory that decode otherwise takes for retracted requests.
 */
const SHARED_FLAGS = words(`--served-model-name ${MODEL} --host 127.0.0.1 --device cpu --dtype float32
  --attention-backend torch_native --sampling-backend pytorch --disable-cuda-graph --disable-overlap-schedule
  --sleep-on-idle --enable-metrics --max-total-tokens 40000 --max-running-requests 32`)

const PREFILL = words('--disaggregation-mode prefill --disaggregation-transfer-backend mooncake')
const DECODE = words(`--disaggregation-mode decode --disaggregation-transfer-backend mooncake
  --disaggregation-decode-retraction-backup cpu_tensor`)

/** Arguments of the Python interpreter. */
export function engineArguments(settings: EngineSettings): readonly string[] {
  const { modelPath, port, flags = [] } = settings
  const own = ['-m', 'sglang.launch_server', '--model-path', modelPath, '--port', String(port)]
  return [...own, ...SHARED_FLAGS, ...roleFlags(settings), ...flags]
}

export function engineEnvironment(frontend: Frontend): Readonly<Record<string, string>> {
  return {
    PYTHONPATH: SHIM,
    // Set, it would have each process compile again what the installation has not compiled.
    PYTHONDONTWRITEBYTECODE: '',
    SGLANG_USE_CPU_ENGINE: '1',
    SGLANG_HOST_IP: '127.0.0.1',
    MOONCAKE_PROTOCOL: 'tcp',
    MC_FORCE_TCP: '1',
    MC_TCP_BIND_ADDRESS: '127.0.0.1',
    OMP_NUM_THREADS: '1',
    // The first request with a repetition penalty would wait a minute for a compiler.
    TORCHDYNAMO_DISABLE: '1',
    TOKENIZERS_PARALLELISM: 'false',
    HF_HUB_OFFLINE: '1',
    TRANSFORMERS_OFFLINE: '1',
    ...(frontend === 'rust' ? { SGLANG_RUST_SERVER: '1' } : {}),
  }
}

function roleFlags({ role, frontend, bootstrapPort }: EngineSettings): readonly string[] {
  switch (role) {
    case 'unified':
      return []
    case 'prefill':
      // The Rust server refuses another port than its own.
      return frontend === 'rust'
        ? PREFILL
        : [...PREFILL, '--disaggregation-bootstrap-port', String(bootstrapPort)]
    case 'decode':
      return DECODE
  }
}

function words(text: string): readonly string[] {
  return text.split(/\s+/)
}
