import { createHash } from 'node:crypto'

/** One file of a simulated project. What is left out is not said on the page. */
export interface SimulatedFile {
  readonly filename: string
  readonly bytes: Buffer
  /** The sha256 said on the page: the true one by default, `false` for none, a string for a lie. */
  readonly sha256?: string | false
  /** The size said in JSON: the true one by default, `false` for none, a number for a lie. */
  readonly size?: number | false
  readonly uploadTime?: string
  readonly requiresPython?: string
  readonly yanked?: boolean | string
  /** The sidecar served at `<file>.metadata` and announced with its hash. */
  readonly metadata?: Buffer
  /** The provenance document served at `<file>.provenance` and announced. */
  readonly provenance?: Buffer
  /** The link on the page, where it is not the file's own URL. */
  readonly url?: string
}

/** How a project's page looks. */
export interface SimulatedProject {
  readonly name: string
  readonly files: readonly SimulatedFile[]
  /** What the page calls itself, where that is a lie. */
  readonly pageName?: string
  readonly status?: { readonly status: string; readonly reason?: string }
  readonly apiVersion?: string
  /** What it says of namespaces (PEP 752), in JSON. */
  readonly namespaces?: unknown
  /** Which forms exist; both by default, and the Accept header decides. */
  readonly formats?: 'both' | 'json' | 'html'
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** PEP 691. */
export function renderJson(project: SimulatedProject, urlOf: (file: SimulatedFile) => string): Buffer {
  const files = project.files.map((file) => ({
    filename: file.filename,
    url: file.url ?? urlOf(file),
    hashes: file.sha256 === false ? {} : { sha256: file.sha256 ?? sha256Of(file.bytes) },
    ...(file.size === false ? {} : { size: file.size ?? file.bytes.length }),
    ...(file.uploadTime === undefined ? {} : { 'upload-time': file.uploadTime }),
    ...(file.requiresPython === undefined ? {} : { 'requires-python': file.requiresPython }),
    ...(file.yanked === undefined ? {} : { yanked: file.yanked }),
    ...(file.metadata === undefined ? {} : { 'core-metadata': { sha256: sha256Of(file.metadata) } }),
    ...(file.provenance === undefined ? {} : { provenance: `${file.url ?? urlOf(file)}.provenance` }),
  }))
  return Buffer.from(
    JSON.stringify({
      meta: { 'api-version': project.apiVersion ?? '1.4' },
      name: project.pageName ?? project.name,
      versions: [...new Set(project.files.map((file) => versionOf(file.filename)))],
      files,
      ...(project.status === undefined ? {} : { 'project-status': project.status }),
      ...(project.namespaces === undefined ? {} : { namespaces: project.namespaces }),
    }),
  )
}

/** PEP 503 with the later attributes. */
export function renderHtml(project: SimulatedProject, urlOf: (file: SimulatedFile) => string): Buffer {
  const links = project.files.map((file) => {
    const hash = file.sha256 === false ? '' : `#sha256=${file.sha256 ?? sha256Of(file.bytes)}`
    const attributes: [string, string | undefined][] = [
      ['href', `${file.url ?? urlOf(file)}${hash}`],
      ['data-requires-python', file.requiresPython],
      ['data-yanked', file.yanked === true ? '' : file.yanked === false ? undefined : file.yanked],
      ['data-core-metadata', file.metadata && `sha256=${sha256Of(file.metadata)}`],
      ['data-provenance', file.provenance && `${file.url ?? urlOf(file)}.provenance`],
    ]
    const written = attributes.flatMap(([name, value]) => (value === undefined ? [] : [`${name}="${escape(value)}"`]))
    return `<a ${written.join(' ')}>${escape(file.filename)}</a><br />`
  })
  const { status, reason } = project.status ?? {}
  const metas = [
    `<meta name="pypi:repository-version" content="${escape(project.apiVersion ?? '1.4')}">`,
    ...(status === undefined ? [] : [`<meta name="pypi:project-status" content="${escape(status)}">`]),
    ...(reason === undefined ? [] : [`<meta name="pypi:project-status-reason" content="${escape(reason)}">`]),
  ]
  const title = `Links for ${escape(project.pageName ?? project.name)}`
  return Buffer.from(
    `<!DOCTYPE html>\n<html><head>${metas.join('')}<title>${title}</title></head>\n<body><h1>${title}</h1>\n${links.join('\n')}\n</body></html>\n`,
  )
}

/** The list of all projects (PEP 691), as PyPI writes it. */
export function renderJsonList(names: readonly string[]): Buffer {
  const projects = names.map((name, at) => ({ '_last-serial': at, name }))
  return Buffer.from(JSON.stringify({ meta: { '_last-serial': names.length, 'api-version': '1.4' }, projects }))
}

/** The same as PEP 503 has it. */
export function renderHtmlList(names: readonly string[]): Buffer {
  const links = names.map((name) => `<a href="/simple/${name}/">${escape(name)}</a><br/>`)
  return Buffer.from(`<!DOCTYPE html>\n<html><body>\n${links.join('\n')}\n</body></html>\n`)
}

/** Good enough for the names tests use: `<name>-<version>-…` or `<name>-<version>.tar.gz`. */
function versionOf(filename: string): string {
  return (filename.split('-')[1] ?? '0').replace(/\.tar\.gz$|\.zip$/, '')
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
