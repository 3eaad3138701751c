import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { uploaders } from '../test/clients/uploading.ts'
import type { Client } from '../test/support/clients.ts'
import type { Distribution } from '../test/support/python-projects.ts'
import { ask } from '../test/support/raw-http.ts'
import type { RunningServer } from '../test/support/server.ts'
import { readPage } from './page.ts'
import type { World } from './stage.ts'

/** What whoever attacked was answered. */
export interface Answered {
  /** Undefined: it was done. */
  readonly code: string | undefined
  /** What was used: `twine`, `API`. */
  readonly through: string
}

/** How a request says who sends it. */
export interface Credential {
  readonly authorization: string
}

/** Somebody with a password and a token. */
export interface Person extends Credential {
  readonly name: string
  /** For uploads, to whatever the person may upload to. */
  readonly token: string
}

const PASSWORD = 'correct horse battery staple'
/** Hexadecimal digits that set the names of two runs apart, however they are misread or mistyped. */
const SUFFIX_LENGTH = 8

export function bearer(token: string): Credential {
  return { authorization: `Bearer ${token}` }
}

export function password(name: string, text = PASSWORD): Credential {
  return { authorization: `Basic ${Buffer.from(`${name}:${text}`).toString('base64')}` }
}

/** Where one attack on an index is played once: the shared index or one of its own, names and people of its own. */
export class Scene implements AsyncDisposable {
  readonly world: World
  /** Whether the one defence is left out. */
  readonly isOpen: boolean
  readonly folder: string
  readonly #twine: Client
  readonly #suffix: string
  readonly #parts = new AsyncDisposableStack()
  #server: RunningServer

  private constructor(world: World, folder: string, twine: Client, { run, isOpen }: { run: number; isOpen: boolean }) {
    this.world = world
    this.isOpen = isOpen
    this.folder = folder
    this.#server = world.server
    this.#twine = twine
    this.#suffix = `x${hash('sha256', String(run)).slice(0, SUFFIX_LENGTH)}`
  }

  /** `run`: a number that no other has. */
  static async set(world: World, twine: Client, options: { run: number; isOpen: boolean }): Promise<Scene> {
    const folder = await mkdtemp(join(tmpdir(), 'waxseal-attack-'))
    const scene = new Scene(world, folder, twine, options)
    scene.#parts.defer(() => rm(folder, { recursive: true, force: true }))
    return scene
  }

  get server(): RunningServer {
    return this.#server
  }

  /** From here on the attack is on an index of its own. */
  move(server: RunningServer): void {
    this.#server = this.use(server)
  }

  /** Ends with the scene. */
  use<T extends AsyncDisposable>(part: T): T {
    return this.#parts.use(part)
  }

  get administrator(): Credential {
    return bearer(this.#server.token)
  }

  /** A project's name that no other run uses. */
  name(stem: string): string {
    return `${stem}-${this.#suffix}`
  }

  /** Somebody who may upload, with a password. */
  async person(stem: string, more: { readonly admin?: boolean } = {}): Promise<Person> {
    const name = this.name(stem)
    await this.administer('POST', '/users', { name, password: PASSWORD, ...more })
    return { name, ...password(name), token: await this.tokenOf(name) }
  }

  /** A token that an administrator makes. */
  async tokenOf(user: string, project?: string): Promise<string> {
    const made = await this.administer('POST', '/tokens', { user, scope: 'upload', ...(project && { project }) })
    return (made as { readonly token: string }).token
  }

  /** Uploads as a person does: with twine. */
  async upload(token: string, file: Distribution): Promise<Answered> {
    const { url } = this.#server
    const { code, stdout, stderr } = await uploaders.twine(this.#twine, this.folder, file, { url, token })
    if (code === 0) return { code: undefined, through: 'twine' }
    const told = /"reason": ?"([a-z-]+)"/.exec(`${stdout}${stderr}`)?.[1]
    assert.ok(told, `twine tells no code:\n${stdout}${stderr}`)
    return { code: told, through: 'twine' }
  }

  /** A release that its owner uploads. */
  async publish(owner: Person, file: Distribution): Promise<void> {
    assert.deepEqual(await this.upload(owner.token, file), { code: undefined, through: 'twine' })
  }

  /** A request of the management API. */
  async api(who: Credential, method: string, path: string, body?: unknown): Promise<Answered> {
    return { code: (await this.#manage(who, method, path, body)).code, through: 'API' }
  }

  /** What an administrator does. */
  async administer(method: string, path: string, body?: unknown): Promise<unknown> {
    return await this.act(this.administrator, method, path, body)
  }

  /** What somebody may do, and does. */
  async act(who: Credential, method: string, path: string, body?: unknown): Promise<unknown> {
    const { code, document } = await this.#manage(who, method, path, body)
    assert.equal(code, undefined, `${method} ${path}: ${JSON.stringify(document)}`)
    return document
  }

  /** Looks at a project's page. */
  async page(project: string): Promise<void> {
    await readPage(`${this.#server.url}/simple/${project}/`)
  }

  /** Asks for a file or a page, as clients do that install. */
  async fetch(path: string): Promise<Answered> {
    const { status, body } = await ask(`${this.#server.url}${path}`, {
      headers: { accept: 'application/problem+json' },
    })
    return { code: status === 200 ? undefined : codeOf(body), through: 'HTTP' }
  }

  async #manage(
    who: Credential,
    method: string,
    path: string,
    body: unknown,
  ): Promise<{ readonly code: string | undefined; readonly document: unknown }> {
    const reply = await ask(`${this.#server.url}/api/v1${path}`, {
      method,
      headers: { ...who, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const document: unknown = JSON.parse(reply.body.toString())
    return { code: reply.status < 300 ? undefined : codeOf(reply.body), document }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync()
  }
}

function codeOf(body: Buffer): string {
  return (JSON.parse(body.toString()) as { readonly code: string }).code
}
