import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Fault, PlannedAnswer } from './upstream-faults.ts'
import { sendWithFault } from './upstream-faults.ts'
import type { SimulatedFile, SimulatedProject } from './upstream-pages.ts'
import { renderHtml, renderHtmlList, renderJson, renderJsonList, sha256Of } from './upstream-pages.ts'

/** One request as it came. */
export interface RecordedRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
}

export interface SimulatorOptions {
  /** https with a self-signed certificate for 127.0.0.1 and localhost; see `Simulator.ca`. */
  readonly https?: boolean
  /** Ask for these credentials on every path; 401 without. */
  readonly basicAuth?: { readonly username: string; readonly password: string }
}

/**
 * A real HTTP server on 127.0.0.1 that plays an upstream index, and misbehaves on demand:
 *
 *     await using upstream = await startSimulator()
 *     upstream.addProject({ name: 'demo', files: [{ filename: 'demo-1.0-py3-none-any.whl', bytes }] })
 *     upstream.setFault('/files/', { kind: 'truncate', afterBytes: 1000 })
 *     …
 *     upstream.clearFaults()
 *     assert.equal(upstream.requestsFor('/simple/demo/').length, 1)
 *
 * Pages stand at `<simpleUrl><project>/`, the list of all projects at `<simpleUrl>`, files at `/files/<project>/<filename>`, with `.metadata` and `.provenance`
 * beside them. Pages carry an ETag and answer If-None-Match with 304, and are gzipped where that is accepted.
 */
export interface Simulator {
  /** The origin, without a slash at the end. */
  readonly url: string
  /** The base to configure as an upstream; ends with a slash. */
  readonly simpleUrl: string
  /** The certificate to trust, in PEM, when it runs https. */
  readonly ca: string | undefined
  /** Every request since the start or `clearRequests`, oldest first. */
  readonly requests: readonly RecordedRequest[]
  /** Adds a project, or replaces one. */
  addProject(project: SimulatedProject): void
  removeProject(name: string): void
  /** Has the list of all projects name these, instead of those that were added. */
  listNames(names: readonly string[]): void
  /** Puts any answer at a path. */
  addAnswer(path: string, answer: Partial<PlannedAnswer>): void
  /** Where a file of a project stands. */
  fileUrl(project: string, filename: string): string
  /** Paths that begin with the string, or match the expression, misbehave from now on; the latest fault set wins. */
  setFault(pathPattern: string | RegExp, fault: Fault): void
  clearFaults(): void
  requestsFor(pathPattern: string | RegExp): readonly RecordedRequest[]
  clearRequests(): void
  /** Resolves once so many requests for these paths have come. */
  waitForRequests(pathPattern: string | RegExp, count: number): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const LIST_PATH = '/simple/'
const JSON_TYPE = 'application/vnd.pypi.simple.v1+json'

export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const certificate = options.https === true ? selfSigned() : undefined
  const simulator = new UpstreamSimulator(options, certificate?.cert)
  const listener = (request: IncomingMessage, response: ServerResponse) => simulator.handle(request, response)
  const server = certificate === undefined ? createHttpServer(listener) : createHttpsServer(certificate, listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  simulator.url = `${certificate === undefined ? 'http' : 'https'}://127.0.0.1:${port}`
  simulator.stop = async () => {
    server.close()
    server.closeAllConnections()
    if (server.listening) await once(server, 'close')
  }
  return simulator
}

class UpstreamSimulator implements Simulator {
  url = ''
  stop: () => Promise<void> = async () => {}
  readonly ca: string | undefined
  requests: RecordedRequest[] = []
  readonly #options: SimulatorOptions
  readonly #answers = new Map<string, (accept: string) => PlannedAnswer>()
  readonly #paths = new Map<string, string[]>()
  #listed: readonly string[] | undefined
  #faults: { pattern: string | RegExp; fault: Fault }[] = []
  #waiting: (() => void)[] = []

  constructor(options: SimulatorOptions, ca: string | undefined) {
    this.#options = options
    this.ca = ca
  }

  get simpleUrl(): string {
    return `${this.url}/simple/`
  }

  addProject(project: SimulatedProject): void {
    this.removeProject(project.name)
    const paths = [`/simple/${project.name}/`]
    // Rendered once: a page of 5,000 files must not be rendered per request.
    const json = { type: JSON_TYPE, body: renderJson(project, (file) => this.#pathOf(project, file)) }
    const html = { type: 'text/html; charset=utf-8', body: renderHtml(project, (file) => this.#pathOf(project, file)) }
    const formats = project.formats ?? 'both'
    this.#answers.set(`/simple/${project.name}/`, (accept) => {
      const page = formats === 'html' || (formats === 'both' && !accept.includes('+json')) ? html : json
      const headers = { 'content-type': page.type, etag: etagOf(page.body), vary: 'Accept' }
      return { status: 200, headers, body: page.body }
    })
    for (const file of project.files) {
      const path = this.#pathOf(project, file)
      const parts: [string, Buffer | undefined][] = [
        [path, file.bytes],
        [`${path}.metadata`, file.metadata],
        [`${path}.provenance`, file.provenance],
      ]
      for (const [at, body] of parts) {
        if (body === undefined) continue
        paths.push(at)
        this.addAnswer(at, { body })
      }
    }
    this.#paths.set(project.name, paths)
  }

  removeProject(name: string): void {
    for (const path of this.#paths.get(name) ?? []) this.#answers.delete(path)
    this.#paths.delete(name)
  }

  listNames(names: readonly string[]): void {
    this.#listed = names
  }

  addAnswer(path: string, { status = 200, headers = {}, body = Buffer.alloc(0) }: Partial<PlannedAnswer>): void {
    const answer = { status, headers: { 'content-type': 'application/octet-stream', ...headers }, body }
    this.#answers.set(path, () => answer)
  }

  fileUrl(project: string, filename: string): string {
    return `${this.url}/files/${project}/${filename}`
  }

  setFault(pattern: string | RegExp, fault: Fault): void {
    this.#faults.unshift({ pattern, fault })
  }

  clearFaults(): void {
    this.#faults = []
  }

  requestsFor(pattern: string | RegExp): readonly RecordedRequest[] {
    return this.requests.filter(({ path }) => matches(pattern, path))
  }

  clearRequests(): void {
    this.requests = []
  }

  async waitForRequests(pattern: string | RegExp, count: number): Promise<void> {
    while (this.requestsFor(pattern).length < count) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    response.on('error', () => {})
    request.resume()
    const path = request.url ?? '/'
    this.requests.push({ method: request.method ?? '', path, headers: request.headers })
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
    const fault = this.#faults.find(({ pattern }) => matches(pattern, path))?.fault
    sendWithFault(path, this.#plan(path, request), fault, response)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #plan(path: string, request: IncomingMessage): PlannedAnswer {
    const { basicAuth } = this.#options
    if (basicAuth !== undefined) {
      const expected = Buffer.from(`${basicAuth.username}:${basicAuth.password}`).toString('base64')
      if (request.headers.authorization !== `Basic ${expected}`) return plain(401, 'Unauthorized')
    }
    const accept = request.headers.accept ?? ''
    const planned = this.#answers.get(path.split('?')[0] ?? path)
    const answer = planned === undefined && path === LIST_PATH ? this.#list(accept) : planned?.(accept)
    if (answer === undefined) return plain(404, 'Not Found')
    const { etag } = answer.headers
    if (etag !== undefined && request.headers['if-none-match'] === etag) {
      return { status: 304, headers: { etag }, body: Buffer.alloc(0) }
    }
    if (path.startsWith('/simple/') && (request.headers['accept-encoding'] ?? '').includes('gzip')) {
      return { ...answer, headers: { ...answer.headers, 'content-encoding': 'gzip' }, body: gzipSync(answer.body) }
    }
    return answer
  }

  #list(accept: string): PlannedAnswer {
    const names = this.#listed ?? this.#paths.keys().toArray()
    const json = accept.includes('+json')
    const body = json ? renderJsonList(names) : renderHtmlList(names)
    const type = json ? JSON_TYPE : 'text/html; charset=utf-8'
    return { status: 200, headers: { 'content-type': type, etag: etagOf(body), vary: 'Accept' }, body }
  }

  #pathOf(project: SimulatedProject, file: SimulatedFile): string {
    return `/files/${project.name}/${file.filename}`
  }
}

function etagOf(body: Buffer): string {
  return `"${createHash('md5').update(body).digest('base64url')}"`
}

function plain(status: number, body: string): PlannedAnswer {
  return { status, headers: { 'content-type': 'text/plain' }, body: Buffer.from(body) }
}

function matches(pattern: string | RegExp, path: string): boolean {
  return typeof pattern === 'string' ? path.startsWith(pattern) : pattern.test(path)
}

function selfSigned(): { key: string; cert: string } {
  const folder = mkdtempSync(join(tmpdir(), 'waxseal-simulator-'))
  const key = join(folder, 'key.pem')
  const cert = join(folder, 'cert.pem')
  try {
    execFileSync(
      'openssl',
      // prettier-ignore
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=simulator',
        '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost', '-keyout', key, '-out', cert],
      { stdio: 'ignore' },
    )
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export { sha256Of }
export type { Fault, SimulatedFile, SimulatedProject }
