import { readLocks, stateText, verifyLocks, withoutUserinfo } from '@waxseal/guard'
import type { LockReport, ReportDocument, Verdict, VerifyReport } from '@waxseal/guard'
import type { Command } from 'commander'
import { EXIT_REFUSED } from '../exit-codes.ts'
import type { GuardingOptions } from '../guarding.ts'
import { openTrusted } from '../guarding.ts'
import { withExample } from '../help.ts'
import type { Output } from '../output.ts'
import { columns, counted, printResult } from '../output.ts'

interface VerifyOptions extends GuardingOptions, Output {}

export function addVerify(program: Command): void {
  withExample(program.command('verify'), 'waxseal verify requirements.txt uv.lock', 'waxseal verify dist/')
    .description('say whether a trusted index offers exactly the files of a lock, without installing them')
    .argument('<path...>', 'requirements with hashes, a lock of pip, uv, PDM, Poetry or pipenv, or a folder of files')
    .option('--trust <url>', 'the index, where several are trusted')
    .option('--offline', 'ask no network: what was verified before has to do, until it expires', false)
    .option('--json', 'print one JSON document', false)
    .action(verify)
}

async function verify(paths: readonly string[], options: VerifyOptions): Promise<void> {
  const locks = (await Promise.all(paths.map((path) => readLocks(path, process.env)))).flat()
  await using guard = await openTrusted(options)
  await guard.refresh()
  const { url } = guard.trusted
  const report = await verifyLocks(locks, guard.index, url)
  const { snapshot, signedAt, ageSeconds, offline } = guard.document()
  const state = { index: url, snapshot, signedAt, ageSeconds, offline }
  printResult(options, { ...state, ...report }, verifyLines(report, state))
  if (!report.ok) process.exitCode = EXIT_REFUSED
}

function verifyLines(
  { locks, verified, unverified }: VerifyReport,
  state: Pick<ReportDocument, 'index' | 'snapshot' | 'ageSeconds' | 'offline'>,
): readonly string[] {
  const by = `${state.index}${stateText(state)}`
  return [
    ...locks.flatMap(lockLines),
    unverified > 0
      ? `${counted(unverified, 'file')} not verified, ${verified} verified (${by}).`
      : `${verified === 1 ? '1 file is' : `All ${verified} files are`} offered with the same sha256 (${by}).`,
  ]
}

function lockLines({ path, verdicts, otherSources }: LockReport): readonly string[] {
  return [
    ...columns(verdicts.flatMap((verdict) => verdictRows(path, verdict))),
    ...otherSources.map(
      ({ line, by, url }) =>
        `${place(path, line)}  other-source: ${by} names ${withoutUserinfo(url)}, which pip or uv would ask. Behind "waxseal run" only the trusted index is.`,
    ),
  ]
}

function verdictRows(path: string, verdict: Verdict): readonly (readonly string[])[] {
  const { line, project, version, filename, code, notes } = verdict
  const at = place(path, line)
  const what = filename ?? [project, version].filter((part) => part !== undefined).join(' ')
  const said = verdict.code === 'verified' ? trustText(verdict) : verdict.reason
  return [[at, what, code, said], ...notes.map((note) => [at, what, note.code, note.reason])]
}

function trustText({ trust, pinnedSince }: Extract<Verdict, { readonly code: 'verified' }>): string {
  return pinnedSince === undefined ? trust : `${trust} since ${pinnedSince.slice(0, 10)}`
}

function place(path: string, line: number | undefined): string {
  return line === undefined ? path : `${path}:${line}`
}
