import type { SimpleFile, SimpleProjectPage } from './simple-page.ts'

/**
 * Writes a page that a reader of this package has made, as `writeSimpleJson` would, but for private keys, provenance and namespaces: every value was
 * checked as it was read, and is not checked again; files and versions stay in their order. Each file is a line of its own, so that one is
 * found without reading all (`findSimpleFile`).
 */
export function rewriteSimpleJson(page: SimpleProjectPage): Uint8Array {
  const apiVersion = page.files.every((file) => file.size !== undefined) ? '1.4' : '1.0'
  const rest = {
    meta: { 'api-version': apiVersion },
    name: page.name,
    'project-status': { reason: page.status?.reason, status: page.status?.status ?? 'active' },
    versions: page.versions,
  }
  const files = page.files.map((file) => JSON.stringify(fileObject(file))).join(',\n')
  return Buffer.from(`{"files":[\n${files}\n],${JSON.stringify(rest).slice(1)}\n`, 'utf8')
}

function fileObject(file: SimpleFile): object {
  return {
    'core-metadata': file.coreMetadata,
    filename: file.filename,
    hashes: { sha256: file.sha256 },
    'requires-python': file.requiresPython,
    size: file.size,
    'upload-time': file.uploadTime,
    url: file.url,
    yanked: file.yanked,
  }
}

/** What `rewriteSimpleJson` wrote about one file, by its name. Only for pages that it wrote: nothing is checked. */
export function findSimpleFile(page: Uint8Array, filename: string): SimpleFile | undefined {
  const bytes = Buffer.from(page.buffer, page.byteOffset, page.byteLength)
  // A quote inside of a value is escaped: what is found is the key itself.
  const at = bytes.indexOf(`"filename":${JSON.stringify(filename)},`)
  if (at === -1) return undefined
  const line = bytes.toString('utf8', bytes.lastIndexOf('\n', at) + 1, bytes.indexOf('\n', at))
  const read = JSON.parse(line.replace(/,$/, '')) as Written
  return {
    filename: read.filename,
    url: read.url,
    sha256: read.hashes.sha256,
    yanked: read.yanked,
    ...(read['core-metadata'] === undefined ? {} : { coreMetadata: read['core-metadata'] }),
    ...(read['requires-python'] === undefined ? {} : { requiresPython: read['requires-python'] }),
    ...(read.size === undefined ? {} : { size: read.size }),
    ...(read['upload-time'] === undefined ? {} : { uploadTime: read['upload-time'] }),
  }
}

interface Written {
  readonly filename: string
  readonly url: string
  readonly hashes: { readonly sha256: string }
  readonly yanked: boolean | string
  readonly 'core-metadata'?: { readonly sha256: string }
  readonly 'requires-python'?: string
  readonly size?: number
  readonly 'upload-time'?: string
}
