import { isSafeFilename, isValidProjectName, normalizeProjectName } from '@waxseal/packaging'
import { IndexError } from '../error.ts'
import type { IndexErrorCode } from '../error.ts'
import type { DownloadRefusal } from '../releases/download-refusal.ts'
import type { Download, Downloads } from '../releases/downloads.ts'
import type { FileAddress } from '../releases/file-lookup.ts'
import { noteCache } from '../telemetry/request-record.ts'
import type { BufferPool } from './buffer-pool.ts'
import type { Exchange } from './exchange.ts'
import { failureRefusal } from './failure-refusal.ts'
import { refuseRead } from './refuse.ts'
import type { Refusal } from './refuse.ts'
import { SECURITY_HEADERS } from './security-headers.ts'
import { isUnchanged, sendDescription, sendFile, sendStream } from './send-file.ts'
import type { SmallFiles } from './small-files.ts'

export interface FilesParts {
  readonly downloads: Downloads
  readonly buffers: BufferPool
  readonly small: SmallFiles
  /** `private` where reading needs credentials. */
  readonly visibility: 'public' | 'private'
  /** Prefix of stored files in the configuration of an nginx before us; undefined: we send them ourselves. */
  readonly accelRedirect?: string
}

/** How a fill fails that had no chance (`Fill.done`). */
const UPSTREAM_FAULTS: ReadonlySet<IndexErrorCode> = new Set([
  'upstream-failed',
  'digest-mismatch',
  'not-found',
  'limit-exceeded',
])

type Part = 'file' | 'sidecar' | 'provenance'

/** `/files/<project>/<sha256>/<filename>` and what stands beside it (design.md section 6; behaviour.md 7.3.5-7). */
export async function serveFile(parts: FilesParts, exchange: Exchange): Promise<void> {
  const asked = addressOf(exchange.path.segments)
  if (asked === undefined || exchange.path.trailingSlash) {
    return refuseRead(exchange.res, exchange.req, {
      code: 'file-not-found',
      detail: 'This is not the address of a file.',
    })
  }
  const { part, address } = asked
  switch (part) {
    case 'file': {
      const { req } = exchange
      const warm = warmFile(parts, part, address)
      if (warm !== undefined) return give(parts, exchange, address, warm, contentTypeOf(address.filename))
      const wanted = req.method === 'HEAD' || isUnchanged(req, `"${address.sha256}"`) ? 'description' : 'content'
      const find = () => parts.downloads.file(address, wanted)
      return giveWhole(parts, exchange, address, find, contentTypeOf(address.filename))
    }
    case 'sidecar': {
      const type = 'text/plain; charset=UTF-8'
      const warm = warmFile(parts, part, address)
      if (warm !== undefined) return give(parts, exchange, address, warm, type)
      return giveWhole(parts, exchange, address, () => parts.downloads.sidecar(address), type)
    }
    case 'provenance': {
      const document = await parts.downloads.provenance(address)
      if (document.kind === 'refused') return refuseDownload(exchange, address, document)
      const { res } = exchange
      // It may grow over time: to be asked for again.
      res.writeHead(200, [
        'Content-Type',
        'application/vnd.pypi.integrity.v1+json',
        'Content-Length',
        String(document.bytes.length),
        'Cache-Control',
        'no-cache',
        ...SECURITY_HEADERS,
      ])
      res.end(document.bytes)
    }
  }
}

/** Only with its bytes in memory: whatever else has to be seen on the disk first. */
function warmFile(parts: FilesParts, part: 'file' | 'sidecar', address: FileAddress): Download | undefined {
  const warm = parts.downloads.warm(part, address)
  const path = warm?.blob.path
  return path !== undefined && parts.small.has(path) ? warm : undefined
}

function addressOf(segments: readonly string[]): { readonly part: Part; readonly address: FileAddress } | undefined {
  const [, project, sha256, name, ...rest] = segments
  if (project === undefined || sha256 === undefined || name === undefined || rest.length > 0) return undefined
  if (!/^[0-9a-f]{64}$/.test(sha256)) return undefined
  // Pages link to the normal form only, and another spelling would be another name to every look-up (attacks.md DC-13).
  if (!isValidProjectName(project) || normalizeProjectName(project) !== project) return undefined
  const part: Part = name.endsWith('.metadata') ? 'sidecar' : name.endsWith('.provenance') ? 'provenance' : 'file'
  const filename = part === 'file' ? name : name.slice(0, name.lastIndexOf('.'))
  return isSafeFilename(filename) ? { part, address: { project, sha256, filename } } : undefined
}

/** Never a Content-Encoding and never a type that a browser would run (attacks.md group G). */
function contentTypeOf(filename: string): string {
  return filename.endsWith('.tar.gz') ? 'application/gzip' : 'application/octet-stream'
}

/** Bytes that turn out to be damaged before the first is sent are set aside, and looked for once more: fetched again, or lost. */
async function giveWhole(
  parts: FilesParts,
  exchange: Exchange,
  address: FileAddress,
  find: () => Promise<Download>,
  contentType: string,
): Promise<void> {
  const download = await find()
  try {
    return await give(parts, exchange, address, download, contentType)
  } catch (error) {
    const damaged = error instanceof IndexError && error.code === 'blob-damaged' && download.kind === 'stored'
    if (!damaged || exchange.res.headersSent) throw error
    await parts.downloads.setAside(download.sha256)
  }
  return give(parts, exchange, address, await find(), contentType)
}

async function give(
  parts: FilesParts,
  exchange: Exchange,
  address: FileAddress,
  download: Download,
  contentType: string,
): Promise<void> {
  const { req, res } = exchange
  const { visibility, accelRedirect } = parts
  switch (download.kind) {
    case 'refused':
      return refuseDownload(exchange, address, download)
    case 'stored': {
      const { blob, sha256 } = download
      const accelPath =
        accelRedirect === undefined || blob.path === undefined
          ? undefined
          : `${accelRedirect}${sha256.slice(0, 2)}/${sha256.slice(2, 4)}/${sha256}`
      const description = { blob, sha256, etag: `"${sha256}"`, contentType, visibility }
      await sendFile(
        req,
        res,
        { ...description, ...(accelPath === undefined ? {} : { accelPath }) },
        parts.buffers,
        parts.small,
      )
      return
    }
    case 'described': {
      const { size } = download
      const etag = `"${address.sha256}"`
      sendDescription(req, res, { etag, contentType, visibility, ...(size === undefined ? {} : { size }) })
      return
    }
    case 'filling': {
      const { fill, joined } = download
      noteCache(res, joined ? 'fill-joined' : 'fill-started')
      const ready = await fill.ready.catch(upstreamRefusal)
      if ('code' in ready) return refuseRead(res, req, { ...ready, whyUrl: whyUrl(address) })
      await sendStream(req, res, {
        source: fill.read(),
        etag: `"${address.sha256}"`,
        contentType,
        visibility,
        ...(ready.size === undefined ? {} : { size: ready.size }),
      })
    }
  }
}

function refuseDownload({ req, res }: Exchange, address: FileAddress, refusal: DownloadRefusal): void {
  const { code, message, retryAfterMs } = refusal
  refuseRead(res, req, {
    code,
    detail: message,
    whyUrl: whyUrl(address),
    ...(retryAfterMs === undefined ? {} : { retryAfter: retryAfterMs / 1000 }),
  })
}

function whyUrl({ project }: FileAddress): string {
  return `../../../why/${encodeURIComponent(project)}`
}

/** What an upstream did wrong is an answer like any other, and no fault of this server; our own faults are thrown on. */
function upstreamRefusal(error: unknown): Refusal {
  const ours = !(error instanceof IndexError) || !UPSTREAM_FAULTS.has(error.code)
  if (ours) throw error
  return failureRefusal(error)
}
