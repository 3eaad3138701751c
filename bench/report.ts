import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import type { Figure } from './figure.ts'
import { cpuModel } from './processes.ts'

const HEADINGS = ['what', 'ours', 'beside it', 'ratio', 'bar', 'met'] as const
/** A part of the file that is kept as it stands, between two comments. */
interface Kept {
  readonly from: string
  readonly to: string
}
/** Written by hand. */
const CAUSES: Kept = { from: '<!-- kept: causes -->', to: '<!-- end of causes -->' }
/** Written by `npm run bench:trust`. */
const TRUST: Kept = { from: '<!-- kept: trust -->', to: '<!-- end of trust -->' }
/** Written by `npm run bench:guard`. */
const GUARD: Kept = { from: '<!-- kept: guard -->', to: '<!-- end of guard -->' }
/** Written by `npm run bench:names`. */
const NAMES: Kept = { from: '<!-- kept: names -->', to: '<!-- end of names -->' }
/** Written by `npm run bench:executable`. */
const EXECUTABLE: Kept = { from: '<!-- kept: executable -->', to: '<!-- end of executable -->' }

function cells(figure: Figure): readonly string[] {
  const { what, ours, beside = '', ratio, bar = '', met } = figure
  const verdict = met === undefined ? 'shown' : met ? 'met' : '**missed**'
  return [what, ours, beside, ratio === undefined ? '' : ratio.toFixed(2), bar, verdict]
}

/** The table for a terminal. */
export function formatTable(figures: readonly Figure[]): string {
  const rows = [HEADINGS, ...figures.map(cells)]
  const widths = HEADINGS.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function version(command: string, args: readonly string[]): string {
  // nginx and wrk say it on either stream, wrk with exit code 1.
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  return /(\d+\.\d+[\w.+-]*)/.exec(`${stdout}${stderr}`)?.[1] ?? 'unknown'
}

function machine(): string {
  const file = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : ''
  const system = /^PRETTY_NAME="(.*)"$/m.exec(file)?.[1] ?? process.platform
  return `${cpus().length} × ${cpuModel()}, ${Math.round(totalmem() / 1e9)} GB, ${system}, Linux ${release()}`
}

/** What a kept part holds; a line break where the file has no such part. */
function keptIn(document: string, { from, to }: Kept): string {
  const start = document.indexOf(from)
  const end = document.indexOf(to)
  return start === -1 || end < start ? '\n' : document.slice(start + from.length, end)
}

function written(part: Kept, content: string): string {
  return `${part.from}${content}${part.to}`
}

function markdownTable(figures: readonly Figure[]): string {
  const rows = [HEADINGS, HEADINGS.map(() => '---'), ...figures.map(cells)]
  return rows.map((row) => `| ${row.join(' | ')} |`).join('\n')
}

function dayAndCommit(): string {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
  return `${new Date().toISOString().slice(0, 10)}, ${commit}`
}

/** docs/performance.md with other figures for TUF; all else as it stands in `before`. */
export function withTrust(before: string, figures: readonly Figure[]): string {
  return withSection(before, TRUST, 'the machine and Node as above', figures)
}

/** The same for the guard, which was measured with this pip. */
export function withGuard(before: string, figures: readonly Figure[], pip: string): string {
  return withSection(before, GUARD, `the machine and Node as above; pip ${pip}`, figures)
}

/** The same for names. */
export function withNames(before: string, figures: readonly Figure[]): string {
  return withSection(before, NAMES, 'the machine and Node as above', figures)
}

/** The same for the executable. */
export function withExecutable(before: string, figures: readonly Figure[]): string {
  return withSection(before, EXECUTABLE, 'the machine and Node as above', figures)
}

function withSection(before: string, part: Kept, where: string, figures: readonly Figure[]): string {
  const content = `
- Day and commit: ${dayAndCommit()}; ${where}

${markdownTable(figures)}

`
  return before.replace(written(part, keptIn(before, part)), () => written(part, content))
}

/** The whole of docs/performance.md; `before` is the file as it stands, whose kept parts are kept. */
export function formatDocument(figures: readonly Figure[], before: string): string {
  return `# Performance

Written by \`npm run bench -- --write\`; needs nginx and wrk (\`apt-get install nginx-light wrk\`), Linux, and root or a user who
may run nginx. \`npm run bench -- --quick\` takes less than a minute and writes nothing.

- Machine: ${machine()}
- Day and commit: ${dayAndCommit()}
- Versions: Node ${process.versions.node}, nginx ${version('/usr/sbin/nginx', ['-v'])}, wrk ${version('wrk', ['-v'])}

nginx serves the same bytes as static files in the same run: one worker, sendfile, keep-alive, \`gzip_static\`, an open-file cache,
no access log. The sides are measured in turn, round after round; each figure is the median of the rounds. A ratio of warm answers
compares CPU time a request (user and system, all threads, from \`/proc/<pid>/stat\`), since the wall clock of a shared
machine says little; requests a second stand beside it for colour.

${markdownTable(figures)}

Uploads are signed.

## What signatures cost

Written by \`npm run bench:trust -- --write\`; needs the newest clients (\`node scripts/fetch-clients.ts --follow\`). A publish is the
publisher's own, from the changes to the commit in SQLite: planned, signed, verified as a client would, synced. Refreshes are those of
processes that have just started and know the root alone, or what the step before left; clients in turn, round after round, medians;
a process's start is not counted. Bytes are those on the wire, headers included. PEP 458's estimate counts two bins a distribution,
\`bins\` and the snapshot, uncompressed, for 2,273,539 targets in 16,384 bins; per cent are of 30 times its mean distribution (2.18 MB).

tuf-js copies all that it has read of a snapshot for each entry more, which takes it over a minute for 17,000: it is measured once there, and left out of the
bytes of 16,384 bins. python-tuf asks for no compression. Nearly all bins have one version here, which compresses well: with versions at random the snapshot of
16,384 bins is 93 KB in gzip instead of 43, and a first install that much more.

${written(TRUST, keptIn(before, TRUST))}

## What the guard costs

Written by \`npm run bench:guard -- --write\`; needs the newest clients. The newest pip installs an application and 30 packages, of those that
web services are made of, from one index over TLS into an empty folder by its defaults, which compile what is Python: alone, and behind \`waxseal run\`, in
turn, ten rounds. The index has everything already. *Nothing kept*: pip's own cache is empty, and so is the guard's, which knows the root and the newest
snapshot. *All kept*: both have what they fetched before. The ratio is the median of the rounds'; seconds are medians, CPU that of all processes of the user's side.

Pages list 50 to 3,000 files each, 39,000 in all. The wheels have the shape of the newest ones on PyPI for CPython on Linux (November 2026, counted): as many modules, as much
Python, as many other files, as much of them before and after compression; 4,100 modules of 59 MB and 5,900 other files of 184 MB from 11 KB to 16 MB a wheel. The Python is that of the
standard library, functions and classes one after another; other files are noise that repeats itself as often as it takes to shrink as much.

*Fetching alone* is the worst case: wheels of the same sizes with a single file each that does not shrink, so that pip has nothing to do but to fetch and to copy. No bar is set for it.

${written(GUARD, keptIn(before, GUARD))}
## What decisions about names cost

Written by \`npm run bench:names -- --write\`; needs wrk. 100,000 names that passed by, 10,000 that were claimed by a decision each, 1,000
granted namespaces, twenty rules for what nobody claimed. CPU time of the pure functions, the median of seven rounds; the page's is that of two servers in
turn, which differ in nothing but what they know. Bytes are those on the wire, headers included, for a client that begins with the root.

${written(NAMES, keptIn(before, NAMES))}

## One file, without Node

Written by \`npm run bench:executable -- --write\`: \`npm run executable\` beside \`packages/waxseal/bin/waxseal\` of a checkout, whose compile cache is
warm; ten starts in turn, medians, and CPU time as a mean.

${written(EXECUTABLE, keptIn(before, EXECUTABLE))}

## Bars that are missed, and why

${written(CAUSES, keptIn(before, CAUSES))}
`
}
