import type { PageBodies } from '../publish/page-bodies.ts'
import type { TufFile, TufFiles } from '../publish/tuf-files.ts'
import type { Exchange } from './exchange.ts'
import { noteRoute, noteCache } from '../telemetry/request-record.ts'
import { serveFile } from './files-route.ts'
import type { FilesParts } from './files-route.ts'
import { negotiateEncoding } from './negotiate.ts'
import { refuseRead } from './refuse.ts'
import type { RepresentationCache } from './representation-cache.ts'
import { sendBody } from './send-body.ts'
import type { TufPath } from './tuf-path.ts'

export interface TufParts {
  readonly metadata: TufFiles
  readonly bodies: PageBodies
  readonly files: FilesParts
  /** What never changes under its address, kept encoded. */
  readonly immutable: RepresentationCache
  /** The timestamp, which changes. */
  readonly current: RepresentationCache
}

const JSON_TYPE = 'application/json'

/**
 * `/tuf/`: metadata, and `/tuf/targets/` for any client of The Update Framework (design.md section 6). Everything but the
 * timestamp is immutable under its address, whoever caches it.
 */
export async function serveTuf(parts: TufParts, exchange: Exchange, asked: TufPath | undefined): Promise<void> {
  const isTarget = asked?.kind === 'page' || asked?.kind === 'file' || asked?.kind === 'document'
  noteRoute(exchange.res, isTarget ? '/tuf/targets/' : '/tuf/')
  if (asked === undefined || exchange.path.trailingSlash) return missing(exchange)
  switch (asked.kind) {
    case 'timestamp':
      return give(parts.current, exchange, await parts.metadata.newest('timestamp'))
    case 'metadata':
      return give(parts.immutable, exchange, await parts.metadata.version(asked.role, asked.version))
    case 'document':
      return give(parts.immutable, exchange, await parts.metadata.document(asked.path, asked.sha256))
    case 'page': {
      const bytes = await parts.bodies.published(asked.project, asked.sha256)
      return give(parts.immutable, exchange, bytes === undefined ? undefined : { bytes, sha256: asked.sha256 })
    }
    case 'file': {
      const { project, sha256, filename } = asked
      const { path, ...rest } = exchange
      return serveFile(parts.files, { ...rest, path: { ...path, segments: ['files', project, sha256, filename] } })
    }
  }
}

async function give(cache: RepresentationCache, exchange: Exchange, file: TufFile | undefined): Promise<void> {
  if (file === undefined) return missing(exchange)
  const { req, res } = exchange
  const encoding = negotiateEncoding(req.headers['accept-encoding'])
  const key = { sha256: file.sha256, contentType: JSON_TYPE }
  const ready = cache.peek(key, encoding)
  noteCache(res, ready === undefined ? 'made' : 'memory')
  sendBody(req, res, ready ?? (await cache.get(key, encoding, async () => ({ bytes: file.bytes }))))
}

function missing({ req, res }: Exchange): void {
  refuseRead(res, req, { code: 'not-found', detail: 'There is no such metadata or target here.' })
}
