import { denyTarget, recordTarget, shardOf, writeDenyList, writeNameRecord } from '@waxseal/index/names'
import type { Denial, NameRecord } from '@waxseal/index/names'
import { nameRecord, SINCE } from '../test/support/name-record.ts'
import type { Distribution } from '../test/support/python-projects.ts'
import type { Stage } from './stage.ts'

/** The record of a name: of one that belongs to the index itself, unless it says more. */
export function recordOf(
  project: string,
  { files, ...more }: Partial<Omit<NameRecord, 'files'>> & { readonly files?: readonly Distribution[] } = {},
): NameRecord {
  const listed = files && new Map(files.map(({ filename, sha256 }) => [filename, sha256]))
  return nameRecord(project, { ...(listed === undefined ? {} : { files: listed }), ...more })
}

/** Those who hold the offline key seal a name. */
export async function seal(stage: Stage, record: NameRecord): Promise<void> {
  const { name } = record
  await stage.decide(`sealed-${shardOf(name)}`, recordTarget(name), writeNameRecord(record), await stage.holder())
}

/** Whoever has the server claims a name. */
export async function claim(stage: Stage, record: NameRecord): Promise<void> {
  await stage.decide(`claimed-${shardOf(record.name)}`, recordTarget(record.name), writeNameRecord(record))
}

/** Whoever has the server says what is denied in the shard of a project. */
export async function deny(
  stage: Stage,
  project: string,
  ...entries: readonly Pick<Denial, 'n' | 'reason'>[]
): Promise<void> {
  const denials = entries.map((entry): Denial => ({ project, overlay: 'quarantined', since: SINCE, ...entry }))
  const shard = shardOf(project)
  await stage.decide('deny', denyTarget(shard), denials.length === 0 ? undefined : writeDenyList(denials))
}
