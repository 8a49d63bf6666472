/** A real headless browser, if the machine has one. The caller closes it. */
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, launch } from 'puppeteer-core'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome']
/** Generous, because a machine that runs other tests at the same time may start a browser slowly. */
const LAUNCH_LIMIT_MS = 60_000
const FOUND = (process.env['PATH'] ?? '')
  .split(delimiter)
  .flatMap(folder => NAMES.map(name => join(folder, name)))
  .find(path => existsSync(path))

/** For a test's options: why it is skipped, false when it is not. Where CI says that it looks, nothing is skipped. */
export const skipWithoutBrowser =
  FOUND === undefined && process.env['CI'] !== 'true'
    ? 'there is no Chromium on this machine (Debian: apt-get install chromium)'
    : false

/** @throws Error when there is none. */
export async function openBrowser(): Promise<Browser> {
  if (FOUND === undefined) throw new Error('CI is true, and there is no Chromium: apt-get install chromium')
  // Its sandbox does not work for root, and the pages are our own.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  return launch({ executablePath: FOUND, args, timeout: LAUNCH_LIMIT_MS })
}
