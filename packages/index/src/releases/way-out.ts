import { compareVersions, isPrerelease, tryParseVersion } from '@waxseal/packaging'
import type { JudgedFile } from './judge-files.ts'

/** Most of a reason that a refusal repeats: its way out has to fit into the same status line. */
const TOLD_REASON = 300

/** How whoever was refused asks those who decide. */
export function askFor(project: string, version?: string): string {
  return `Ask for it: ${requestCommand(project, version)}`
}

export function requestCommand(project: string, version?: string): string {
  return `waxseal request ${project}${version === undefined ? '' : `==${version}`}`
}

/** A refusal's sentence with what to do next, which is never cut off. */
export function withWayOut(sentence: string, project: string, version?: string, newest?: string): string {
  const cut = sentence.length > TOLD_REASON ? `${sentence.slice(0, TOLD_REASON - 3).trimEnd()}...` : sentence
  const end = /[.!?]$/.test(cut) ? '' : '.'
  const allowed = newest === undefined || newest === version ? '' : ` Newest that is allowed: ${newest}.`
  return `${cut.toWellFormed()}${end}${allowed} ${askFor(project, version)}`
}

/** The version that an installer would choose of what is given out: the newest final one that is not yanked, else the newest. */
export function newestAllowed(judged: readonly JudgedFile[]): string | undefined {
  const versions = new Set(
    judged
      .filter(({ file, withheld }) => withheld === undefined && file.yanked === 0 && file.withdrawn_at === null)
      .map(({ file }) => file.version),
  )
  const parsed = [...versions].flatMap((text) => {
    const version = tryParseVersion(text)
    return version === undefined ? [] : [{ text, version }]
  })
  const finals = parsed.filter(({ version }) => !isPrerelease(version))
  const [newest] = (finals.length > 0 ? finals : parsed).toSorted((a, b) => compareVersions(b.version, a.version))
  return newest?.text
}
