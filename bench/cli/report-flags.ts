/** Flags for the report files of a command. */
import type { Command } from 'commander'

interface ReportOptions {
  readonly jsonReport?: boolean
  readonly reportDir: string
  readonly htmlReport?: string
}

export function addReportFlags(command: Command): Command {
  return command
    .option('--json-report', 'Write the report as JSON and HTML to the report folder.')
    .option('--report-dir <folder>', 'Report folder; if given, implies --json-report.', './benchmark_reports')
    .option('--html-report <file>', 'Write the HTML report with plots to this file.')
}

/** The requested files. A folder that is named explicitly is written to even without `--json-report`. */
export function reportPaths(command: Command): { reportDir?: string; htmlReport?: string } {
  const { jsonReport, reportDir, htmlReport } = command.opts<ReportOptions>()
  const writesFolder = jsonReport === true || command.getOptionValueSource('reportDir') === 'cli'
  return {
    ...(writesFolder ? { reportDir } : {}),
    ...(htmlReport === undefined ? {} : { htmlReport }),
  }
}
