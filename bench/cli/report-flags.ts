/** Flags that say where the report of a bench goes. */
import type { Command } from 'commander'

interface ReportOptions {
  readonly jsonReport?: boolean
  readonly reportDir: string
  readonly htmlReport?: string
}

export function addReportFlags(command: Command): Command {
  return command
    .option('--json-report', 'Write a report as JSON and as HTML into the folder.')
    .option('--report-dir <folder>', 'That folder; given, it is written to.', './benchmark_reports')
    .option('--html-report <file>', 'Write the HTML report, one file with plots, here.')
}

/** What the flags mean: a folder that was named is one that is wanted. */
export function reportPlaces(command: Command): { reportDir?: string; htmlReport?: string } {
  const { jsonReport, reportDir, htmlReport } = command.opts<ReportOptions>()
  const isFolderWanted = jsonReport === true || command.getOptionValueSource('reportDir') === 'cli'
  return {
    ...(isFolderWanted ? { reportDir } : {}),
    ...(htmlReport === undefined ? {} : { htmlReport }),
  }
}
