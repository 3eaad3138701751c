import type { ReportDocument } from './run-report.ts'

/** A report as people read it: what came, how far it is vouched for, and everything that did not come. */
export function reportLines(report: ReportDocument): readonly string[] {
  const { files, withheld, refused, outside, notes } = report
  const rows = files.map(
    ({ filename, trust, cached }) => `  ${trust.padEnd(6)}  ${filename}${cached ? '  (kept here)' : ''}`,
  )
  return [
    `waxseal: ${files.length === 1 ? '1 file' : `${files.length} files`} verified from ${report.index}${stateText(report)}`,
    ...rows,
    ...withheldLines(withheld),
    ...outside.map((place) => `  refused (outside-refused): something wanted to reach ${place}, past the guard`),
    ...refused.map(({ code, message }) => `  refused (${code}): ${message}`),
    ...notes.map((note) => `  note: ${note}`),
    ...Object.entries(report.omitted).flatMap(([what, count]) =>
      count === 0 ? [] : [`  … and ${count} more (${what})`],
    ),
  ]
}

/** A project may have thousands of files that wait for one thing. */
const SHOWN_ALIKE = 3

/** Each file that is kept back, and why; of many that one project has for one kind of reason the last few. */
function withheldLines(withheld: ReportDocument['withheld']): readonly string[] {
  const alike = Map.groupBy(withheld, ({ project, code }) => `${project} ${code}`)
  return [...alike.values()].flatMap((files) => {
    const more = files.length - SHOWN_ALIKE
    const [{ project, code } = { project: '', code: '' }] = files
    return [
      ...files.slice(-SHOWN_ALIKE).map((file) => `  withheld ${file.filename} (${file.code}): ${file.reason}`),
      ...(more > 0 ? [`  … and ${more} more of ${project} (${code})`] : []),
    ]
  })
}

/** Which state of the index was looked at, and how old it is: a piece of a sentence. */
export function stateText({
  snapshot,
  ageSeconds,
  offline,
}: Pick<ReportDocument, 'snapshot' | 'ageSeconds' | 'offline'>): string {
  if (snapshot === null || ageSeconds === null) return '; nothing of it is signed for us yet'
  return `, snapshot ${snapshot}, signed ${ageText(ageSeconds)} ago${offline ? '; the index was not asked (offline)' : ''}`
}

function ageText(seconds: number): string {
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  return `${Math.round(seconds / 3600)} h`
}
