/** Builds, prints and writes the report of a run. */

import { type Conclusion, conclusionOf } from '../report/conclusion.ts'
import { runPage } from '../report/html/run-page.ts'
import { type Report, reportSchema } from '../report/schema.ts'
import { environmentOf } from './machine.ts'
import { type ReportPaths, writeFiles } from './report-files.ts'

export function reportOf(run: Omit<Report, 'version' | 'environment'>): Report {
  return reportSchema.parse({ version: 4, environment: environmentOf(), ...run })
}

/** Prints the conclusion and the paths of the files. */
export function publish(
  paths: ReportPaths & { readonly out: (text: string) => void },
  report: Report,
): Conclusion {
  const conclusion = conclusionOf(report)
  paths.out(`\n${conclusion.sentence}\n`)
  const written = { ...report, report, page: () => runPage(report) }
  for (const path of writeFiles(paths, written)) paths.out(`report: ${path}\n`)
  return conclusion
}
