/** Shows the progress of a load: redrawn in place on a terminal, as a line every few seconds elsewhere. */
import { styleText } from 'node:util'
import { createLogUpdate } from 'log-update'
import type { ProgressState } from './progress-state.ts'
import { barText, logLine } from './text.ts'

export interface Progress {
  show(state: ProgressState): void
  /** Removes the progress from a terminal; call it before printing anything else. */
  clear(): void
}

export interface ProgressTarget {
  readonly err: (text: string) => void
  /** Standard error if it is a terminal. */
  readonly terminal: NodeJS.WriteStream | undefined
}

export const NO_PROGRESS: Progress = { show: () => undefined, clear: () => undefined }

const DRAW_MS = 100
const FIRST_LINE_MS = 1000
const LINE_MS = 3000

export function openProgress({ err, terminal }: ProgressTarget, now = () => performance.now()): Progress {
  return terminal === undefined ? inLines(err, now) : onTerminal(terminal, now)
}

function onTerminal(terminal: NodeJS.WriteStream, now: () => number): Progress {
  // A hidden cursor would have to be restored however the process ends.
  const draw = createLogUpdate(terminal, { showCursor: true })
  const alarm = (text: string) => styleText('red', text, { stream: terminal })
  let drawnMs = -Infinity
  return {
    show(state) {
      if (now() - drawnMs < DRAW_MS) return
      drawnMs = now()
      draw(barText(state, alarm))
    },
    clear: () => draw.clear(),
  }
}

function inLines(err: (text: string) => void, now: () => number): Progress {
  let nextMs = now() + FIRST_LINE_MS
  return {
    show(state) {
      if (now() < nextMs) return
      nextMs = now() + LINE_MS
      err(logLine(state))
    },
    clear: () => undefined,
  }
}
