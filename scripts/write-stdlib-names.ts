import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Writes `packages/index/src/names/stdlib-names.ts` from the interpreters that are named, all of them together: a module that
 * a newer Python has dropped is still imported by somebody.
 *
 *     node scripts/write-stdlib-names.ts python3.10 python3.14
 */
const TARGET = join(import.meta.dirname, '../packages/index/src/names/stdlib-names.ts')
const ASK = "import sys; print('%d.%d.%d' % sys.version_info[:3], *sys.stdlib_module_names)"
const WIDTH = 118

const versions: string[] = []
const names = new Set<string>()
for (const python of process.argv.length > 2 ? process.argv.slice(2) : ['python3']) {
  const [version = '', ...modules] = execFileSync(python, ['-I', '-c', ASK], { encoding: 'utf8' }).trim().split(' ')
  versions.push(version)
  // As a project's name a module loses the underscores at its ends, as on PyPI.
  for (const module of modules)
    names.add(
      module
        .toLowerCase()
        .replaceAll('_', '-')
        .replaceAll(/^-+|-+$/g, ''),
    )
}
const lines = ['']
for (const name of [...names].toSorted()) {
  const line = lines.at(-1) ?? ''
  if (line === '' || line.length + 1 + name.length > WIDTH) lines.push(`  ${name}`)
  else lines[lines.length - 1] = `${line} ${name}`
}
writeFileSync(
  TARGET,
  `// Data, not code: written by scripts/write-stdlib-names.ts from sys.stdlib_module_names of Python ${versions.join(', ')}.

/** The modules of Python's standard library as the names of projects, in normal form. */
export const STDLIB_NAMES: ReadonlySet<string> = new Set(
  \`${lines.join('\n')}
\`
    .trim()
    .split(/\\s+/),
)
`,
)
