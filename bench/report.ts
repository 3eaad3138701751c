import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import type { Figure } from './figure.ts'
import { cpuModel } from './processes.ts'

const HEADINGS = ['what', 'ours', 'beside it', 'ratio', 'bar', 'met'] as const
/** What stands between these in the file is written by hand and kept. */
const KEEP_FROM = '<!-- kept: causes -->'
const KEEP_TO = '<!-- end of causes -->'

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

/** The whole of docs/performance.md; `before` is the file as it stands, whose causes are kept. */
export function formatDocument(figures: readonly Figure[], before: string, day: string): string {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
  const from = before.indexOf(KEEP_FROM)
  const to = before.indexOf(KEEP_TO)
  const causes = from === -1 || to < from ? '\n' : before.slice(from + KEEP_FROM.length, to)
  const table = [HEADINGS, HEADINGS.map(() => '---'), ...figures.map(cells)]
  return `# Performance

Written by \`npm run bench -- --write\`; needs nginx and wrk (\`apt-get install nginx-light wrk\`), Linux, and root or a user who
may run nginx. \`npm run bench -- --quick\` takes less than a minute and writes nothing.

- Machine: ${machine()}
- Day and commit: ${day}, ${commit}
- Versions: Node ${process.versions.node}, nginx ${version('/usr/sbin/nginx', ['-v'])}, wrk ${version('wrk', ['-v'])}

nginx serves the same bytes as static files in the same run: one worker, sendfile, keep-alive, \`gzip_static\`, an open-file cache,
no access log. The sides are measured in turn, round after round; each figure is the median of the rounds. A ratio of warm answers
compares CPU time a request (user and system, all threads, from \`/proc/<pid>/stat\`), since the wall clock of a shared
machine says little; requests a second stand beside it for colour.

${table.map((row) => `| ${row.join(' | ')} |`).join('\n')}

TUF's and the guard's rows come with those parts. Uploads are measured unsigned until then.

## Bars that are missed, and why

${KEEP_FROM}${causes}${KEEP_TO}
`
}
