import { createHash } from 'node:crypto'
import type { TomlTable } from 'smol-toml'
import { table } from './toml.ts'

const SECTIONS = new Set([
  'source',
  'packages',
  'dev-packages',
  'requires',
  'scripts',
  'pipfile',
  'pipenv',
  'default',
  'develop',
])

/**
 * The hashes that a Pipfile's lock may carry: of names as they are written (plette, pipenv before 2024) and of normalised ones. What pipenv
 * hashes is Python's compact JSON with sorted keys.
 */
export function pipfileHashes(pipfile: TomlTable): readonly [string, string] {
  return [pipfileHash(pipfile, (name) => name), pipfileHash(pipfile, canonicalName)]
}

function pipfileHash(pipfile: TomlTable, named: (name: string) => string): string {
  const section = (value: unknown): Record<string, unknown> =>
    Object.fromEntries(Object.entries(table(value)).map(([name, entry]) => [named(name), entry]))
  const categories = Object.keys(pipfile).filter((name) => !SECTIONS.has(name))
  const data = {
    _meta: { sources: pipfile['source'] ?? {}, requires: pipfile['requires'] ?? {} },
    default: section(pipfile['packages']),
    develop: section(pipfile['dev-packages']),
    ...Object.fromEntries(categories.map((name) => [name, section(pipfile[name])])),
  }
  return createHash('sha256').update(pythonJson(data)).digest('hex')
}

function canonicalName(name: string): string {
  return name.toLowerCase().replaceAll(/[-_.]+/g, '-')
}

/** `json.dumps(value, sort_keys=True, separators=(",", ":"))` */
function pythonJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
    return `{${entries.map(([name, entry]) => `${pythonJson(name)}:${pythonJson(entry)}`).join(',')}}`
  }
  return JSON.stringify(value).replaceAll(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
