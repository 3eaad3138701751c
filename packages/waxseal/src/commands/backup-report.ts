import { forTerminal } from '@waxseal/packaging'
import type { BackupCheck, BackupReport, LostBlob } from '@waxseal/index/keeping'
import { sizeText } from '../output.ts'

/** Lines about lost blobs that people get; `--json` has more. */
const LINES = 20

export function backupDocument({ manifest, path, copied, missing, removed, damaged }: BackupReport): object {
  const { id, at, snapshot, blobs, parts } = manifest
  return { backup: id, at, snapshot, path, blobs, copied, missing, rows: rowsOf(parts), removed, damaged }
}

export function backupLines({ manifest, path, copied, removed, damaged }: BackupReport): readonly string[] {
  const { id, snapshot, blobs } = manifest
  return [
    `Backed up snapshot ${snapshot} as ${id}: ${path}`,
    `Blobs: ${blobs.count}, ${sizeText(blobs.bytes)}; copied now: ${copied.count}, ${sizeText(copied.bytes)}.`,
    ...(removed.backups.length === 0
      ? []
      : [`Older backups removed: ${removed.backups.length}, and ${sizeText(removed.bytes)} of blobs.`]),
    ...damaged.map(({ id, reason }) => `The older backup ${id} is damaged: ${reason}`),
    ...(damaged.length === 0 ? [] : ['No blob was deleted: it may need it. Delete what is of no use to you by hand.']),
  ]
}

export function missingSentence({ manifest, path, missing }: BackupReport): string {
  const { id, blobs } = manifest
  const lines = missing.slice(0, LINES).map(({ sha256, reason }) => `  ${sha256} ${reason}`)
  const rest = blobs.missing > lines.length ? [`  and ${blobs.missing - lines.length} more`] : []
  return [
    `Backed up as ${id} (${path}), but without what the index itself has lost, blobs: ${blobs.missing}`,
    ...lines,
    ...rest,
    'See "waxseal doctor". No older backup was removed.',
  ].join('\n')
}

export function checkDocument({ damagedParts, lost, lostCount, blobs, rows }: BackupCheck): object {
  return { rows: Object.fromEntries(rows), blobs, damagedParts, missing: { count: lostCount, blobs: lost } }
}

/** What is wrong, in a sentence; undefined: nothing. */
export function unsound({ damagedParts, lostCount }: BackupCheck): string | undefined {
  const [part] = damagedParts
  if (part !== undefined) return damagedParts.map(({ reason }) => reason).join(' ')
  return lostCount === 0 ? undefined : `blobs missing or damaged: ${lostCount}`
}

/** What each lost blob means. */
export function lostLines({ lost, lostCount }: BackupCheck): readonly string[] {
  const lines = lost.slice(0, LINES).map((blob) => `  ${blob.sha256} ${reasonOf(blob)}: ${usesOf(blob)}`)
  const more = lostCount > lines.length ? [`  and ${lostCount - lines.length} more`] : []
  // Names out of a backup give a terminal no commands.
  return [...lines, ...more].map(forTerminal)
}

function reasonOf({ reason, before }: LostBlob): string {
  return before ? `${reason} when it was backed up` : reason
}

function usesOf({ uses }: LostBlob): string {
  const [first] = uses
  if (first === undefined) return 'nothing that the rows name'
  const more = uses.length > 1 ? ` and ${uses.length - 1} more` : ''
  switch (first.part) {
    case 'file':
      return `the file ${first.filename} of ${first.project}${more}`
    case 'metadata':
      return `the metadata of ${first.filename} of ${first.project}${more}`
    case 'attestations':
      return `the attestations of ${first.filename} of ${first.project}${more}`
    case 'page':
      return `the page of ${first.project}, which a restore makes anew${more}`
    case 'superseded-page':
      return `an earlier page of ${first.project}${more}`
  }
}

function rowsOf(parts: readonly { readonly name: string; readonly rows: number }[]): object {
  const tables = parts.filter(({ name }) => name.endsWith('.ndjson.zst') && name !== 'blobs.ndjson.zst')
  return Object.fromEntries(tables.map(({ name, rows }) => [name.slice(0, name.indexOf('.')), rows]))
}
