/** The description of a flag. Most are those of config keys, which name other keys where the help must name flags. */
import type { CliOption } from './cli-option.ts'
import { OPTIONS } from './serve-flags.ts'

/** Flags that take a value of their key, by the key; the others set it to one fixed value. */
const FLAGS = new Map(
  OPTIONS.filter(({ shape, help }) => shape !== 'flag' || help === undefined)
    .toReversed()
    .map(({ path, flag }) => [path.join('.'), `--${flag}`]),
)

/** The default of the flag, for that of its config key: their units may differ. */
export function flagDefault({ shownDefault }: Pick<CliOption, 'shownDefault'>, ofKey: unknown): unknown {
  return shownDefault === undefined ? ofKey : shownDefault(ofKey)
}

/** `description`: that of the config key, for a flag without a text of its own. A key without a flag stays as it is. */
export function flagHelp({ help, path }: Pick<CliOption, 'help' | 'path'>, description = ''): string {
  const own = path.join('.')
  const inFlags = (key: string): string => (key === own ? key : (FLAGS.get(key) ?? key))
  return (help ?? description).replace(/\b[a-z]+\.[a-z]\w*/gi, inFlags)
}
