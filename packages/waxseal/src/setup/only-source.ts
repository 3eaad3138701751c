import { TomlFile, withoutSecrets } from '@waxseal/guard/configuration'
import type { ArrayEntry } from '@waxseal/guard/configuration'
import type { Edit } from './setup-plan.ts'
import { isPublicDefault, sameUrl } from './setup-plan.ts'

export interface OnlySource {
  /** Of the file, for messages. */
  readonly path: string
  /** Of the array of tables: `['tool', 'uv', 'index']`. */
  readonly table: readonly string[]
  /** `name` and `url` among them. */
  readonly values: ReadonlyMap<string, string | boolean>
  /** Keys that stay as they are where they are set: other parts of the file may refer to them. */
  readonly keep?: readonly string[]
  /** Keys with which a source is less than the only one: taken out of ours, and what they said is told. */
  readonly limits?: readonly string[]
}

/**
 * Makes one source the only one of a TOML file that lists sources as tables (uv, Poetry, PDM, pipenv). The client's
 * public default is replaced; any other source is a conflict.
 */
export function onlySource(
  before: string | undefined,
  { path, table, values, keep = [], limits = [] }: OnlySource,
): Edit {
  const file = new TomlFile(before ?? '', path)
  const heading = `[[${table.join('.')}]]`
  const conflicts: string[] = []
  const inline = file.value(table)
  if (inline !== undefined && file.entries(table).length !== (Array.isArray(inline) ? inline.length : -1)) {
    conflicts.push(
      `${path} has ${table.join('.')} in another form than ${heading}. Write it as tables, or have it replaced with --force.`,
    )
    file.removeAt(table)
    // It stands inside of another value.
    if (file.value(table) !== undefined) return { text: before ?? '', conflicts }
  }
  const ours = findOurs(file.entries(table), values)
  if (ours === undefined) file.append(table, values)
  else if (!sameUrl(textOf(ours, 'url'), String(values.get('url'))) && !isDefault(ours)) {
    conflicts.push(
      `${path}: ${heading} ${textOf(ours, 'name')} is ${withoutSecrets(textOf(ours, 'url'))}. Remove it, choose another --index name, or replace it with --force.`,
    )
  }
  for (const [key, value] of values) {
    const entry = findOurs(file.entries(table), values)
    const now = entry?.values[key]
    const fits = key === 'url' ? typeof now === 'string' && sameUrl(now, String(value)) : now === value
    if (entry !== undefined && !fits && !(keep.includes(key) && now !== undefined)) file.set(entry, key, value)
  }
  for (const key of limits) {
    const entry = findOurs(file.entries(table), values)
    if (entry === undefined || !Object.hasOwn(entry.values, key)) continue
    conflicts.push(
      `${path}: with "${key}", the source ${textOf(entry, 'name')} is not the only one for every package. Remove that line, or have it taken out with --force.`,
    )
    file.unset(entry, key)
  }
  for (;;) {
    const kept = findOurs(file.entries(table), values)
    const other = file.entries(table).find((entry) => entry.node.range[0] !== kept?.node.range[0])
    if (other === undefined) break
    conflicts.push(
      `${path} has another source, ${textOf(other, 'name') || 'without a name'} (${withoutSecrets(textOf(other, 'url') || 'no url')}). Two sources are merged by version, which lets a stranger win. Make it an upstream of the index, then remove it here, or have it taken out with --force.`,
    )
    file.remove(other)
  }
  return { text: file.text, conflicts }
}

/** The entry that is ours or becomes it: the same URL, else the same name, else the public default. */
function findOurs(
  entries: readonly ArrayEntry[],
  values: ReadonlyMap<string, string | boolean>,
): ArrayEntry | undefined {
  return (
    entries.find((entry) => sameUrl(textOf(entry, 'url'), String(values.get('url')))) ??
    entries.find((entry) => textOf(entry, 'name') === values.get('name')) ??
    entries.find(isDefault)
  )
}

/** The client's public default. Poetry knows it by its name alone. */
function isDefault(entry: ArrayEntry): boolean {
  const url = textOf(entry, 'url')
  return isPublicDefault(url) || (url === '' && /^pypi$/i.test(textOf(entry, 'name')))
}

/** The value of a key that should be a string; what is none of ours may be anything. */
function textOf({ values }: ArrayEntry, key: string): string {
  const value = values[key]
  return typeof value === 'string' ? value : ''
}
