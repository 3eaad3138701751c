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
    ...withheld.map(({ filename, code, reason }) => `  withheld ${filename} (${code}): ${reason}`),
    ...outside.map((place) => `  refused (outside-refused): something wanted to reach ${place}, past the guard`),
    ...refused.map(({ code, message }) => `  refused (${code}): ${message}`),
    ...notes.map((note) => `  note: ${note}`),
    ...Object.entries(report.omitted).flatMap(([what, count]) =>
      count === 0 ? [] : [`  … and ${count} more (${what})`],
    ),
  ]
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
