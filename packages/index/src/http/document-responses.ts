import { hash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { IndexError } from '../error.ts'
import { DOCUMENT_CACHE_BYTES, LATEST_RELEASES_MAX } from '../limits.ts'
import type { ProjectState } from '../publish/current-projects.ts'
import { describedRelease, jsonApiDocument } from '../releases/json-api.ts'
import type { JsonApiSource } from '../releases/json-api.ts'
import type { ProjectMetadata } from '../releases/project-metadata.ts'
import { sidecarsOf } from '../releases/project-metadata.ts'
import { explainProject, explanationState, readJsonApiSource } from '../releases/read-project.ts'
import type { ReadParts } from '../releases/read-project.ts'
import { negotiateEncoding, preferredMediaType } from './negotiate.ts'
import type { Body } from './representation-cache.ts'
import { RepresentationCache } from './representation-cache.ts'
import { PAGE_SECURITY_HEADERS } from './security-headers.ts'
import { sendBody } from './send-body.ts'
import { whyPage } from './why-page.ts'

/** One request for a document, and where its answer goes. */
interface Asked {
  readonly req: IncomingMessage
  readonly res: ServerResponse
}

/** What `/pypi/<project>/json` is about while the page stays the same. */
interface Latest {
  readonly release: string
  readonly sidecars: readonly string[]
}

/** With the rows that were read to find it out, for whoever was the first to ask. */
interface Described extends Latest {
  readonly read?: JsonApiSource
}

/**
 * The documents about whole projects that anybody may ask for: made once for what they are made of, not once a request
 * (a project of 5,000 files takes a tenth of a second), tagged, and kept within a bound.
 */
export class DocumentResponses {
  readonly #read: ReadParts
  readonly #metadata: ProjectMetadata
  readonly #explanations = { kept: explanationCache(DOCUMENT_CACHE_BYTES), passing: explanationCache(0) }
  readonly #documents = new RepresentationCache({
    maxBytes: DOCUMENT_CACHE_BYTES,
    // Addresses in it are absolute, from the Host header where no public URL is configured.
    vary: 'Host, Accept-Encoding',
  })
  /** By the hash of the page: what reading all its files out was needed for. */
  readonly #latest = new Map<string, Promise<Latest | undefined>>()

  constructor(read: ReadParts, metadata: ProjectMetadata) {
    this.#read = read
    this.#metadata = metadata
  }

  /** Sends `/why/<name>`, or `/why/<name>/<version>`, as a page or as JSON. Asks no upstream (attacks.md DC-19). */
  async why({ req, res }: Asked, name: string, version: string | undefined): Promise<void> {
    const state = await this.#read.current.get(name)
    const wanted = preferredMediaType(req.headers.accept, ['text/html', 'application/json'])
    const contentType = wanted === 'application/json' ? wanted : 'text/html; charset=UTF-8'
    const sha256 = hash('sha256', JSON.stringify([await explanationState(this.#read, state), name, version ?? null]))
    // Strangers can think of names and versions without end: what is small anyway pushes nothing out.
    const cache =
      state.project === undefined || version !== undefined ? this.#explanations.passing : this.#explanations.kept
    const encoding = negotiateEncoding(req.headers['accept-encoding'])
    const load = async (): Promise<Body> => {
      const explanation = await explainProject(this.#read, state, version)
      const text = wanted === 'application/json' ? JSON.stringify(explanation) : await whyPage(explanation, version)
      const { snapshot } = explanation
      return {
        bytes: Buffer.from(text),
        headers: snapshot === null ? [] : ['Waxseal-Snapshot', String(snapshot)],
      }
    }
    sendBody(req, res, await cache.get({ sha256, contentType }, encoding, load))
  }

  /** Sends the JSON API's document; false, and nothing sent, where there is no such release. `root` ends with a slash. */
  async jsonApi({ req, res }: Asked, state: ProjectState, version: string | undefined, root: string): Promise<boolean> {
    const found = await this.#described(state, version)
    if (found === undefined) return false
    const { release, sidecars, read } = found
    const sidecar = await this.#metadata.firstKept(sidecars)
    const { page, project } = state
    const made = [
      page?.body_sha256,
      project?.display_name,
      version === undefined ? null : release,
      sidecar ?? null,
      root,
    ]
    const key = { sha256: hash('sha256', JSON.stringify(made)), contentType: 'application/json' }
    const load = async (): Promise<Body> => {
      const source = read ?? (await readJsonApiSource(this.#read, state, version))
      const described = source && (await this.#metadata.complete(source, release, sidecar))
      const document = described && jsonApiDocument(described, version, root)
      if (document === undefined) throw new IndexError('not-found', 'It was deleted meanwhile.')
      const headers = ['X-PyPI-Last-Serial', String(described?.snapshot), 'Access-Control-Allow-Origin', '*']
      return { bytes: Buffer.from(JSON.stringify(document)), headers }
    }
    const encoding = negotiateEncoding(req.headers['accept-encoding'])
    sendBody(req, res, await this.#documents.get(key, encoding, load))
    return true
  }

  /** Which release a document is about. The latest one takes all files of the project to find: once for each page. */
  #described(state: ProjectState, version: string | undefined): Promise<Described | undefined> {
    const body = state.page?.body_sha256
    if (version !== undefined || body === undefined) return this.#describe(state, version)
    const id = `${body} ${state.status}`
    const known = this.#latest.get(id)
    if (known !== undefined) return known
    const found = this.#describe(state, undefined)
    // Only the outcome is remembered: the rows are many.
    const latest = found.then((described) => described && { release: described.release, sidecars: described.sidecars })
    this.#latest.set(id, latest)
    latest.catch(() => this.#latest.delete(id))
    if (this.#latest.size > LATEST_RELEASES_MAX) {
      const oldest = this.#latest.keys().next()
      if (!oldest.done) this.#latest.delete(oldest.value)
    }
    return found
  }

  async #describe(state: ProjectState, version: string | undefined): Promise<Described | undefined> {
    const source = await readJsonApiSource(this.#read, state, version)
    const release = source && describedRelease(source, version)
    if (source === undefined || release === undefined) return undefined
    return { release, sidecars: sidecarsOf(source, release), read: source }
  }
}

function explanationCache(maxBytes: number): RepresentationCache {
  return new RepresentationCache({ maxBytes, securityHeaders: PAGE_SECURITY_HEADERS })
}
