/** Shows how a load stands while it runs: drawn in place on a terminal, a line now and then elsewhere. */
import { styleText } from 'node:util'
import { createLogUpdate } from 'log-update'
import type { Standing } from './progress-state.ts'
import { barText, logLine } from './text.ts'

export interface Progress {
  show(standing: Standing): void
  /** Leaves nothing of it on a terminal: before anything else is printed. */
  clear(): void
}

export interface ProgressTarget {
  readonly err: (text: string) => void
  /** Standard error when it is a terminal. */
  readonly terminal: NodeJS.WriteStream | undefined
}

export const NO_PROGRESS: Progress = { show: () => undefined, clear: () => undefined }

const DRAW_MS = 100
const FIRST_LINE_MS = 1000
const LINE_MS = 3000

export function openProgress({ err, terminal }: ProgressTarget, now = () => performance.now()): Progress {
  return terminal === undefined ? inLines(err, now) : inPlace(terminal, now)
}

function inPlace(terminal: NodeJS.WriteStream, now: () => number): Progress {
  // A hidden cursor would have to be brought back however the process ends.
  const draw = createLogUpdate(terminal, { showCursor: true })
  const alarm = (text: string) => styleText('red', text, { stream: terminal })
  let drawnMs = -Infinity
  return {
    show(standing) {
      if (now() - drawnMs < DRAW_MS) return
      drawnMs = now()
      draw(barText(standing, alarm))
    },
    clear: () => draw.clear(),
  }
}

function inLines(err: (text: string) => void, now: () => number): Progress {
  let nextMs = now() + FIRST_LINE_MS
  return {
    show(standing) {
      if (now() < nextMs) return
      nextMs = now() + LINE_MS
      err(logLine(standing))
    },
    clear: () => undefined,
  }
}
