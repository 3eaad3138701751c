import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'
import { request as requestSecurely } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createToken, createUser, indexDefaults, listenOn, openIndex, OPERATOR, upstreamDefaults } from '@waxseal/index'
import type { Index, IndexConfig, IndexEffects } from '@waxseal/index'
import type { Distribution } from '../support/python-projects.ts'
import { uploadForm } from '../support/upload-form.ts'
import type { Simulator } from '../support/upstream-simulator.ts'

const ADMIN_TOKEN = 'the-first-administrator-of-the-conformance-tests'
/** Whole milliseconds, so that stored times read well in failures. */
export const START = Date.parse('2026-03-01T12:00:00.000Z')
const REFRESH_SECONDS = 600

/** One answer, header names in lower case. */
export interface Answer {
  readonly status: number
  readonly reason: string
  readonly headers: IncomingHttpHeaders
  readonly bytes: Buffer
  readonly text: string
  json(): unknown
}

/** One request as it is written: no header but Host is added, no redirect followed, no coding undone. */
export async function ask(
  url: string,
  options: {
    readonly method?: string
    readonly headers?: OutgoingHttpHeaders
    readonly body?: string | Buffer
    /** Whom to trust beside https. */
    readonly ca?: Buffer
    /** The address that the server sees: any of 127.0.0.0/8. */
    readonly from?: string
  } = {},
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const { origin } = new URL(url)
  // The target goes out as it stands: `new URL` would tidy dot segments away.
  const sent = (origin.startsWith('https:') ? requestSecurely : request)(
    origin,
    {
      path: url.slice(origin.length) || '/',
      method: options.method ?? 'GET',
      headers: options.headers ?? {},
      agent: false,
      ...(options.ca === undefined ? {} : { ca: options.ca }),
      ...(options.from === undefined ? {} : { localAddress: options.from }),
    },
    (res) => {
      const pieces: Buffer[] = []
      res.on('data', (piece: Buffer) => pieces.push(piece))
      res.on('error', reject)
      res.on('end', () => {
        const bytes = Buffer.concat(pieces)
        const { statusCode: status = 0, statusMessage: reason = '', headers } = res
        resolve({ status, reason, headers, bytes, text: bytes.toString(), json: () => JSON.parse(bytes.toString()) })
      })
    },
  )
  sent.on('error', reject)
  sent.end(options.body)
  return promise
}

/** The Authorization header of a token, as twine and pip send it. */
export function basic(token: string): { readonly authorization: string } {
  return { authorization: `Basic ${Buffer.from(`__token__:${token}`).toString('base64')}` }
}

/** Accept header of a client that wants JSON pages. */
export const JSON_PAGE = { accept: 'application/vnd.pypi.simple.v1+json' } as const

/** What a test reads of a project's page. */
export interface Page {
  readonly name: string
  readonly versions: readonly string[]
  readonly files: readonly PageFile[]
  readonly 'project-status': { readonly status: string; readonly reason?: string }
  readonly meta: Readonly<Record<string, unknown>>
}

interface PageFile {
  readonly filename: string
  readonly url: string
  readonly hashes: Readonly<Record<string, string>>
  readonly yanked?: boolean | string
  readonly 'requires-python'?: string
  readonly size?: number
  readonly 'upload-time': string
  readonly 'core-metadata'?: boolean | { readonly sha256: string }
}

/** A real index in this process, on a port of its own, with a clock that the test moves. */
export interface IndexUnderTest extends AsyncDisposable {
  readonly url: string
  readonly dataDir: string
  readonly index: Index
  readonly admin: string
  /** What went to the log at `warn` and above: failures that a client is not told about. */
  readonly logged: readonly string[]
  /** Lets time pass; 11 minutes are enough for every page of an upstream to be asked for again. */
  pass(milliseconds: number): void
  upload(file: Distribution, token?: string): Promise<Answer>
  /** The page as JSON; fails the test unless it is a 200. */
  page(project: string): Promise<Page>
  filenames(project: string): Promise<readonly string[]>
  /** Where a file stands. */
  fileUrl(file: Distribution): string
  /** A token of a user of its own. */
  token(scope: 'read' | 'upload' | 'admin', project?: string): Promise<string>
  /** A management request with a JSON body. */
  manage(method: string, path: string, body?: unknown, token?: string): Promise<Answer>
  /** The projects of `/simple/`. */
  listed(): Promise<readonly string[]>
}

export interface Settings extends Partial<Omit<IndexConfig, 'dataDir' | 'uploads' | 'upstreams'>> {
  readonly upstreams?: Readonly<Record<string, Simulator | string>>
  /** Upstreams whose files with a local version label are left out. */
  readonly withoutLocalVersions?: readonly string[]
  /** An existing data folder, kept afterwards. */
  readonly dataDir?: string
  /** Signed from its first page on; by default it is not signed. */
  readonly signNew?: IndexEffects['signNew']
}

/** Past the time for which an upstream's page counts as fresh. */
export const REFRESH_MS = (REFRESH_SECONDS + 60) * 1000

export async function startIndex({
  upstreams = {},
  withoutLocalVersions = [],
  dataDir: given,
  signNew,
  ...settings
}: Settings = {}): Promise<IndexUnderTest> {
  const parts = new AsyncDisposableStack()
  const dataDir = given ?? (await mkdtemp(join(tmpdir(), 'waxseal-conformance-')))
  if (given === undefined) parts.defer(() => rm(dataDir, { recursive: true, force: true }))
  const logged: string[] = []
  let now = START
  const clock = { now: () => now }
  const config = indexDefaults(dataDir, {
    ...settings,
    adminToken: ADMIN_TOKEN,
    log: { level: 'warn' },
    upstreams: Object.entries(upstreams).map(([name, upstream]) =>
      upstreamDefaults(name, typeof upstream === 'string' ? upstream : upstream.simpleUrl, {
        refreshSeconds: REFRESH_SECONDS,
        negativeSeconds: 60,
        localVersions: !withoutLocalVersions.includes(name),
        connectTimeoutMs: 2_000,
        firstByteTimeoutMs: 2_000,
        // A failure must not make the next request of the same test meet an open circuit.
        circuitFailures: 1_000,
      }),
    ),
  })
  const index = parts.use(
    await openIndex(config, {
      clock,
      writeLine: (line) => void logged.push(line),
      ...(signNew === undefined ? {} : { signNew }),
    }),
  )
  const server = parts.use(await listenOn(index.handler, '127.0.0.1', 0))
  const { url } = server
  let users = 0
  const page = async (project: string): Promise<Page> => {
    const answer = await ask(`${url}/simple/${project}/`, { headers: { ...JSON_PAGE, ...basic(ADMIN_TOKEN) } })
    assert.equal(answer.status, 200, `/simple/${project}/: ${answer.status} ${answer.reason}`)
    return answer.json() as Page
  }
  return {
    url,
    dataDir,
    index,
    admin: ADMIN_TOKEN,
    logged,
    pass: (milliseconds) => (now += milliseconds),
    upload: (file, token = ADMIN_TOKEN) => sendUpload(url, file, token),
    page,
    filenames: async (project) => (await page(project)).files.map(({ filename }) => filename),
    fileUrl: (file) => `${url}/files/${file.name}/${file.sha256}/${file.filename}`,
    async token(scope, project) {
      users += 1
      const user = `user-${users}`
      await createUser(index.store, clock, { name: user, admin: scope === 'admin', by: OPERATOR })
      const made = await createToken(index.store, clock, {
        user,
        scope,
        by: OPERATOR,
        ...(project === undefined ? {} : { project }),
      })
      return made.token
    },
    manage: (method, path, body, token = ADMIN_TOKEN) =>
      ask(`${url}/api/v1${path}`, {
        method,
        headers: { ...basic(token), ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    async listed() {
      const answer = await ask(`${url}/simple/`, { headers: { ...JSON_PAGE, ...basic(ADMIN_TOKEN) } })
      return (answer.json() as { projects: { name: string }[] }).projects.map(({ name }) => name)
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
}

async function sendUpload(url: string, file: Distribution, token: string): Promise<Answer> {
  const form = new Response(uploadForm(file))
  return ask(`${url}/legacy/`, {
    method: 'POST',
    headers: { ...basic(token), 'content-type': form.headers.get('content-type') ?? '' },
    body: Buffer.from(await form.arrayBuffer()),
  })
}
