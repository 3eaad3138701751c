import { JsonProjectList, PackagingError } from '@waxseal/packaging'
import type { ProjectListReader } from '@waxseal/packaging'
import { HtmlProjectList } from '@waxseal/packaging/html'
import type { Clock } from '../clock.ts'
import { systemClock } from '../clock.ts'
import { IndexError } from '../error.ts'
import { UPSTREAM_LIST_DEADLINE_MS, UPSTREAM_MAX_LIST_BYTES } from '../limits.ts'
import type { FileAnswer, ListAnswer, PageAnswer, PageValidators, SmallAnswer, UpstreamFailure } from './answers.ts'
import type { UpstreamConfig } from './config.ts'
import type { ResolveHost } from './connect.ts'
import { resolveBySystem } from './connect.ts'
import { declaredLength, eachDecoded, readDecoded } from './http-body.ts'
import type { HttpAnswer, HttpFailure } from './http-client.ts'
import { HttpClient } from './http-client.ts'
import { configuredOrigins } from './origin-rules.ts'
import { formOf, readPage } from './read-page.ts'
import type { UpstreamWatch } from './watch.ts'

export type { FileAnswer, ListAnswer, PageAnswer, PageValidators, SmallAnswer } from './answers.ts'

/** One remote index to ask. Trouble of any kind is an answer; nothing here throws because of the network. */
export interface Upstream extends AsyncDisposable {
  readonly config: UpstreamConfig
  /**
   * Asks for a project's page, `project` in normal form. `absent` only if the upstream's own origin says so itself,
   * without a redirect elsewhere; whatever else is wrong is `failed`, and says nothing about the name.
   */
  fetchPage(project: string, validators?: PageValidators, signal?: AbortSignal): Promise<PageAnswer>
  /**
   * Asks for the names of all its projects, and for nothing by name. `take` gets them in normal form, a few hundred at a time:
   * PyPI's list is 30 MB, of which no more than a piece is ever held.
   */
  fetchProjectList(
    take: (names: readonly string[]) => void,
    validators?: PageValidators,
    signal?: AbortSignal,
  ): Promise<ListAnswer>
  /** Asks for a file that a page linked. The bytes come as they are sent: no Content-Encoding is undone. */
  openFile(url: string, signal?: AbortSignal): Promise<FileAnswer>
  /** Asks for a sidecar or a provenance document of at most `maxBytes`. */
  fetchSmall(url: string, maxBytes: number, signal?: AbortSignal): Promise<SmallAnswer>
}

/** What an upstream needs besides its configuration; all have a default. */
export interface UpstreamOptions {
  readonly clock?: Clock
  readonly resolve?: ResolveHost
  readonly watch?: UpstreamWatch | undefined
}

const PAGE_HEADERS = {
  accept: 'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01',
  'accept-encoding': 'gzip',
  'user-agent': 'waxseal',
}
const FILE_HEADERS = { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'waxseal' }

/** Opens the way to an upstream; nothing is sent before the first question. */
export function openUpstream(config: UpstreamConfig, options: UpstreamOptions = {}): Upstream {
  return new HttpUpstream(config, options)
}

class HttpUpstream implements Upstream {
  readonly config: UpstreamConfig
  readonly #client: HttpClient
  readonly #configured: ReadonlySet<string>

  constructor(config: UpstreamConfig, options: UpstreamOptions) {
    this.config = config
    this.#client = new HttpClient(
      config,
      options.clock ?? systemClock,
      options.resolve ?? resolveBySystem,
      options.watch,
    )
    this.#configured = configuredOrigins(config)
  }

  async fetchPage(project: string, validators: PageValidators = {}, signal?: AbortSignal): Promise<PageAnswer> {
    const answer = await this.#client.request(`${this.config.url}${encodeURIComponent(project)}/`, {
      headers: pageHeaders(validators),
      maxBytes: this.config.maxPageBytes,
      deadlineMs: this.config.pageDeadlineMs,
      ...(signal === undefined ? {} : { signal }),
    })
    if (answer.kind === 'failed') return answer
    if (isUnchanged(answer, validators)) return unchanged(answer)
    if (isGone(answer) && answer.fromOwnOrigin) return absent(answer)
    if (answer.status !== 200) return refusal(answer)
    try {
      return await this.#found(answer, project)
    } catch (error) {
      return failed(error)
    } finally {
      answer.close()
    }
  }

  async fetchProjectList(
    take: (names: readonly string[]) => void,
    validators: PageValidators = {},
    signal?: AbortSignal,
  ): Promise<ListAnswer> {
    const answer = await this.#client.request(this.config.url, {
      headers: pageHeaders(validators),
      maxBytes: UPSTREAM_MAX_LIST_BYTES,
      deadlineMs: UPSTREAM_LIST_DEADLINE_MS,
      ...(signal === undefined ? {} : { signal }),
    })
    if (answer.kind === 'failed') return answer
    if (isUnchanged(answer, validators)) return unchanged(answer)
    if (answer.status !== 200) return refusal(answer)
    try {
      const reader = listReader(header(answer, 'content-type'))
      const encoding = header(answer, 'content-encoding')
      await eachDecoded(answer.body, encoding, UPSTREAM_MAX_LIST_BYTES, (piece) => take(reader.push(piece)))
      reader.end()
      return { kind: 'found', ...validatorsOf(answer) }
    } catch (error) {
      return failed(error)
    } finally {
      answer.close()
    }
  }

  async openFile(url: string, signal?: AbortSignal): Promise<FileAnswer> {
    const answer = await this.#ask(url, this.config.maxFileBytes, this.config.fileDeadlineMs, signal)
    if (answer.kind === 'failed') return answer
    if (isGone(answer)) return absent(answer)
    if (answer.status !== 200) return refusal(answer)
    const size = declaredLength(answer.headers)
    return { kind: 'open', ...(size === undefined ? {} : { size }), body: answer.body, close: () => answer.close() }
  }

  async fetchSmall(url: string, maxBytes: number, signal?: AbortSignal): Promise<SmallAnswer> {
    const answer = await this.#ask(url, maxBytes, this.config.pageDeadlineMs, signal)
    if (answer.kind === 'failed') return answer
    if (isGone(answer)) return absent(answer)
    if (answer.status !== 200) return refusal(answer)
    try {
      const bytes = await readDecoded(answer.body, undefined, maxBytes)
      const contentType = header(answer, 'content-type')
      return { kind: 'found', bytes, ...(contentType === undefined ? {} : { contentType }) }
    } catch (error) {
      return failed(error)
    } finally {
      answer.close()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close()
  }

  #ask(url: string, maxBytes: number, deadlineMs: number, signal: AbortSignal | undefined) {
    const options = { headers: FILE_HEADERS, maxBytes, deadlineMs, ...(signal === undefined ? {} : { signal }) }
    return this.#client.request(url, options)
  }

  async #found(answer: HttpAnswer, project: string): Promise<PageAnswer> {
    const bytes = await readDecoded(answer.body, header(answer, 'content-encoding'), this.config.maxPageBytes)
    const received = { bytes, contentType: header(answer, 'content-type'), url: answer.url }
    const { page, dropped } = readPage(received, project, this.#configured)
    return { kind: 'found', page, dropped, ...validatorsOf(answer) }
  }
}

function pageHeaders({ etag, lastModified }: PageValidators): Readonly<Record<string, string>> {
  return {
    ...PAGE_HEADERS,
    ...(etag === undefined ? {} : { 'if-none-match': etag }),
    ...(lastModified === undefined ? {} : { 'if-modified-since': lastModified }),
  }
}

function validatorsOf(answer: HttpAnswer): PageValidators {
  const etag = header(answer, 'etag')
  const lastModified = header(answer, 'last-modified')
  return { ...(etag === undefined ? {} : { etag }), ...(lastModified === undefined ? {} : { lastModified }) }
}

/** A 304 says something only to whoever asked for it. */
function isUnchanged(answer: HttpAnswer, { etag, lastModified }: PageValidators): boolean {
  return answer.status === 304 && (etag !== undefined || lastModified !== undefined)
}

function unchanged(answer: HttpAnswer): { readonly kind: 'not-modified' } {
  answer.discard()
  return { kind: 'not-modified' }
}

function listReader(contentType: string | undefined): ProjectListReader {
  switch (formOf(contentType)) {
    case 'json':
      return new JsonProjectList()
    case 'html':
      return new HtmlProjectList()
    case 'other':
      throw new IndexError('upstream-failed', 'The upstream answered with a content type that no project list has.')
  }
}

function isGone(answer: HttpAnswer): boolean {
  return answer.status === 404 || answer.status === 410
}

function absent(answer: HttpAnswer): { readonly kind: 'absent' } {
  answer.discard()
  return { kind: 'absent' }
}

function refusal(answer: HttpAnswer): UpstreamFailure {
  answer.discard()
  const { retryAfterMs } = answer
  const hint = answer.status === 401 || answer.status === 403 ? '; check the credentials configured for it' : ''
  const reason = `The upstream answered with status ${answer.status}${hint}.`
  return { kind: 'failed', reason, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
}

function failed(error: unknown): HttpFailure {
  if (error instanceof IndexError || error instanceof PackagingError) return { kind: 'failed', reason: error.message }
  return { kind: 'failed', reason: 'The upstream sent a page that cannot be decoded.' }
}

/** A header, unless it is empty or absurdly long. */
function header(answer: HttpAnswer, name: string): string | undefined {
  const value = answer.headers[name]
  return typeof value === 'string' && value !== '' && value.length <= 1024 ? value : undefined
}
