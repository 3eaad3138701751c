import type { Value } from './backup-rows.ts'
import type { BlobUse } from './referenced-blobs.ts'
import { FILE_PARTS, PAGE_PARTS } from './referenced-blobs.ts'

/** Tells the blobs that one row of a table speaks of; nothing for a table that names none. */
export function usesOfRow(
  table: string,
  columns: readonly string[],
): (row: readonly Value[], onUse: (sha256: string, use: BlobUse) => void) => void {
  const at = (column: string): number => columns.indexOf(column)
  const project = at('project')
  if (table === 'file') {
    const [filename, stored, deleted] = [at('filename'), at('stored'), at('deleted_at')]
    const parts = FILE_PARTS.map(([part, column]) => [part, at(column)] as const)
    return (row, onUse) => {
      if (row[deleted] !== null) return
      for (const [part, column] of parts) {
        const sha256 = row[column]
        if (typeof sha256 !== 'string' || (part === 'file' && row[stored] !== 1)) continue
        onUse(sha256, { project: String(row[project]), part, filename: String(row[filename]) })
      }
    }
  }
  const page = PAGE_PARTS.find(([, name]) => name === table)
  if (page === undefined) return () => undefined
  const body = at('body_sha256')
  return (row, onUse) => onUse(String(row[body]), { project: String(row[project]), part: page[0] })
}
