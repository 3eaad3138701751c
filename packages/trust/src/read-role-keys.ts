import type { DocumentReader } from './document-reader.ts'
import { MAX_KEYS } from './limits.ts'
import type { RoleKeys } from './metadata.ts'

/** Key ids, none twice, and a threshold of at least one (specification 4.3). */
export function readRoleKeys(reader: DocumentReader): RoleKeys {
  return { keyids: reader.texts('keyids', MAX_KEYS), threshold: reader.number('threshold', 1) }
}
