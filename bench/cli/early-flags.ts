/** Flags that `pd-gateway bench` accepts before the name of the command, as smg's benchmark does. */
import { type Command, Option } from 'commander'
import { targetUrl } from '../flags/values.ts'

/** A flag that is also given after the name of the command has its value there. */
export function addEarlyFlags(bench: Command): Command {
  return bench
    .addOption(
      new Option('--url <url>', 'URL of the target, for the command that follows.').argParser(targetUrl),
    )
    .option('--json-report', 'Write the report as JSON and HTML, for the command that follows.')
    .option('--report-dir <folder>', 'Report folder, for the command that follows.')
    .hook('preSubcommand', passOn)
}

/** Passes the flags on to the command. @throws CommanderError when the command has no such flag. */
function passOn(bench: Command, command: Command): void {
  for (const flag of bench.options) {
    const [name, long] = [flag.attributeName(), flag.long ?? '']
    if (bench.getOptionValueSource(name) !== 'cli') continue
    if (!command.options.some(option => option.long === long))
      bench.error(`error: bench ${command.name()} has no ${long}`)
    command.setOptionValueWithSource(name, bench.getOptionValue(name), 'cli')
  }
}
