/** The original's tool takes some of its flags before the name of the benchmark; so does `pd-gateway bench`. */
import { type Command, Option } from 'commander'
import { targetUrl } from '../flags/values.ts'

/** A flag that was given behind the name, too, holds as it is there. */
export function addEarlyFlags(bench: Command): Command {
  return bench
    .addOption(new Option('--url <url>', 'As a command has it.').argParser(targetUrl))
    .option('--json-report', 'As a command has it.')
    .option('--report-dir <folder>', 'As a command has it.')
    .hook('preSubcommand', handOver)
}

/** @throws CommanderError when the command has no such flag. */
function handOver(bench: Command, command: Command): void {
  for (const option of bench.options) {
    const [name, long] = [option.attributeName(), option.long ?? '']
    if (bench.getOptionValueSource(name) !== 'cli') continue
    if (!command.options.some(one => one.long === long))
      bench.error(`error: bench ${command.name()} has no ${long}`)
    command.setOptionValueWithSource(name, bench.getOptionValue(name), 'cli')
  }
}
