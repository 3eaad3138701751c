import { isTable, TomlFile, withoutSecrets } from '@waxseal/guard/configuration'
import type { Edit } from './setup-plan.ts'

export interface SourcePins {
  /** Of the file, for messages. */
  readonly path: string
  /** Of the array of tables that the pins name. */
  readonly sources: readonly string[]
  /** Tables of a package each: `['tool', 'uv', 'sources']`. */
  readonly packages: readonly (readonly string[])[]
  /** What a package names its source with. */
  readonly key: string
}

/** What an edit leaves behind: packages that are bound to a source which is not there, or is another index by its URL. */
export function withPins(edit: Edit, pins: SourcePins): Edit {
  const file = new TomlFile(edit.text, pins.path)
  return { text: edit.text, conflicts: [...edit.conflicts, ...pinConflicts(file, pins)] }
}

/** Packages that are bound to another source than those in the file, in sentences. */
export function pinConflicts(file: TomlFile, { path, sources, packages, key }: SourcePins): readonly string[] {
  const known = new Set(file.entries(sources).map(({ values }) => values['name']))
  return packages.flatMap((table) =>
    pinned(file.value(table), key)
      .filter(([, source]) => !known.has(source))
      .map(
        ([name, source]) =>
          `${path}: ${name} in [${table.join('.')}] is bound to another source, ${withoutSecrets(source)}. Take "${key}" away from it.`,
      ),
  )
}

/** Of a package several are listed where they differ by platform. */
function pinned(table: unknown, key: string): readonly (readonly [name: string, source: string])[] {
  if (!isTable(table)) return []
  return Object.entries(table).flatMap(([name, wanted]) =>
    (Array.isArray(wanted) ? wanted : [wanted]).flatMap((one: unknown) => {
      const source = isTable(one) ? one[key] : undefined
      return typeof source === 'string' ? [[name, source] as const] : []
    }),
  )
}
