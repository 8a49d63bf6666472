/** The report of a run as it is put together, told and written, whatever was run. */
import { runPage } from '../report/html/run-page.ts'
import { type Report, reportSchema } from '../report/schema.ts'
import { type Verdict, verdictOf } from '../report/conclusion.ts'
import { environmentOf } from './machine.ts'
import { type ReportPlaces, writeFiles } from './report-files.ts'

export function reportOf(run: Omit<Report, 'version' | 'environment'>): Report {
  return reportSchema.parse({ version: 2, environment: environmentOf(), ...run })
}

/** Prints what came of it in a sentence, and where the files are. */
export function publish(
  places: ReportPlaces & { readonly out: (text: string) => void },
  report: Report,
): Verdict {
  const verdict = verdictOf(report)
  places.out(`\n${verdict.sentence}\n`)
  const written = { ...report, report, page: () => runPage(report) }
  for (const path of writeFiles(places, written)) places.out(`report: ${path}\n`)
  return verdict
}
