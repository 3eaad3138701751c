import { pipeline } from 'node:stream/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isSafeFilename, isValidProjectName, normalizeProjectName } from '@waxseal/packaging/names'
import { GuardError } from './error.ts'
import { notOffered } from './failures.ts'
import { PIECE_BYTES } from './limits.ts'
import type { Guard } from './open-guard.ts'
import { refuse } from './refuse.ts'
import type { WantedFile } from './verified-index.ts'

const JSON_TYPE = 'application/vnd.pypi.simple.v1+json'
const SHA256 = /^[0-9a-f]{64}$/

/**
 * Answers a program that knows the secret: `/simple/NAME/`, `/files/NAME/SHA256/FILENAME` and its `.metadata`. Nothing is ever kept
 * by anybody else: what is verified now is verified anew for the next.
 */
export async function serveRequest(
  opened: Promise<Guard>,
  req: IncomingMessage,
  res: ServerResponse,
  target: string,
): Promise<void> {
  let guard: Guard | undefined
  try {
    guard = await opened
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      return refuse(
        req,
        res,
        405,
        new GuardError('not-offered', 'The guard is for reading: publish to the index itself.'),
      )
    }
    const segments = decodedSegments(target)
    const [kind, name = '', ...rest] = segments ?? []
    if (kind === 'simple' && isValidProjectName(name) && rest.length <= 1 && (rest[0] ?? '') === '') {
      return await servePage(guard, req, res, normalizeProjectName(name))
    }
    const [sha256 = '', last = ''] = rest
    if (
      kind === 'files' &&
      rest.length === 2 &&
      SHA256.test(sha256) &&
      isValidProjectName(name) &&
      isSafeFilename(last)
    ) {
      return await serveFile(guard, req, res, { project: normalizeProjectName(name), sha256, filename: last })
    }
    refuse(req, res, 404, new GuardError('not-offered', 'There is nothing here.'))
  } catch (error) {
    fail(guard, req, res, error)
  }
}

async function servePage(guard: Guard, req: IncomingMessage, res: ServerResponse, project: string): Promise<void> {
  const page = await guard.index.offered(project)
  if (page === undefined) throw notOffered(project, project)
  const isJson = (req.headers.accept ?? '').includes(JSON_TYPE)
  const body = isJson ? page.json : Buffer.from(page.html)
  res.writeHead(200, {
    'Content-Type': isJson ? JSON_TYPE : 'text/html; charset=utf-8',
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
    Vary: 'Accept',
  })
  res.end(req.method === 'HEAD' ? undefined : body)
}

async function serveFile(guard: Guard, req: IncomingMessage, res: ServerResponse, wanted: WantedFile): Promise<void> {
  if (wanted.filename.endsWith('.metadata')) {
    const bytes = await guard.index.sidecar({ ...wanted, filename: wanted.filename.slice(0, -'.metadata'.length) })
    res.writeHead(200, {
      'Content-Type': 'application/octet-stream',
      'Content-Length': bytes.length,
      'Cache-Control': 'no-store',
    })
    res.end(req.method === 'HEAD' ? undefined : bytes)
    return
  }
  await using file = await guard.index.file(wanted)
  res.writeHead(200, {
    'Content-Type': 'application/octet-stream',
    'Content-Length': file.size,
    ETag: `"${wanted.sha256}"`,
    'Cache-Control': 'no-store',
  })
  if (req.method === 'HEAD') res.end()
  else if (file.bytes !== undefined) res.end(file.bytes)
  else await pipeline(file.handle.createReadStream({ start: 0, autoClose: false, highWaterMark: PIECE_BYTES }), res)
}

function fail(guard: Guard | undefined, req: IncomingMessage, res: ServerResponse, error: unknown): void {
  if (error instanceof GuardError) {
    const { trust, project, filename } = error.data as { trust?: string; project?: string; filename?: string }
    guard?.report.refused({
      code: error.code,
      ...(trust === undefined ? {} : { trust }),
      ...(project === undefined ? {} : { project }),
      ...(filename === undefined ? {} : { filename }),
      message: error.message,
    })
    return refuse(req, res, error.code === 'not-offered' ? 404 : 403, error)
  }
  // The program has gone away.
  if (res.destroyed || req.destroyed) return
  const message = error instanceof Error ? error.message : String(error)
  const unexpected = new GuardError('cache-unusable', `The guard failed: ${message}`)
  guard?.report.refused({ code: unexpected.code, message: unexpected.message })
  refuse(req, res, 403, unexpected)
}

/** Decoded exactly once (attacks.md FN-PATH); undefined for what cannot be. */
function decodedSegments(target: string): readonly string[] | undefined {
  const [path = ''] = target.split('?', 1)
  try {
    return path.split('/').slice(1).map(decodeURIComponent)
  } catch {
    return undefined
  }
}
