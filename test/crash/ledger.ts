import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ListedPage } from '../support/behind-upstream.ts'
import type { Distribution } from '../support/python-projects.ts'
import { ask } from '../support/raw-http.ts'
import { sha256Of } from '../support/upstream-simulator.ts'

const JSON_TYPE = 'application/vnd.pypi.simple.v1+json'

/** What the server acknowledged, whatever happened to it since; and how to find out whether it kept its word. */
export class Ledger {
  readonly #uploads = new Map<string, Distribution>()
  readonly #yanked = new Map<string, string>()
  /** Sent and never answered: may be there wholly, or not at all. */
  readonly unanswered = new Map<string, Distribution>()
  #snapshot = 0

  acknowledged(file: Distribution): void {
    this.#uploads.set(file.filename, file)
    this.unanswered.delete(file.filename)
  }

  acknowledgedYank(file: Distribution, reason: string): void {
    this.#yanked.set(file.filename, reason)
  }

  get uploads(): readonly Distribution[] {
    return [...this.#uploads.values()]
  }

  get counts(): string {
    return `${this.#uploads.size} uploads and ${this.#yanked.size} yanks acknowledged, snapshot ${this.#snapshot}`
  }

  isYanked(file: Distribution): boolean {
    return this.#yanked.has(file.filename)
  }

  /** A snapshot number that somebody was shown: none that is shown later may be smaller. */
  sawSnapshot(text: string | string[] | undefined): void {
    if (text !== undefined) this.#snapshot = Math.max(this.#snapshot, Number(text))
  }

  /** Everything acknowledged is there bit for bit, and nothing that is shown is missing. */
  async verify(url: string, dataDir: string): Promise<void> {
    const list = await ask(`${url}/simple/`, { headers: { accept: JSON_TYPE } })
    assert.equal(list.status, 200)
    const shown = Number(list.headers['waxseal-snapshot'])
    assert.ok(shown >= this.#snapshot, `snapshot ${shown} after ${this.#snapshot}`)
    const { projects } = JSON.parse(list.body.toString()) as { projects: readonly { name: string }[] }
    const listed = new Map<string, ListedPage['files'][number]>()
    const verifyProject = async (name: string): Promise<void> => {
      const reply = await ask(`${url}/simple/${name}/`, { headers: { accept: JSON_TYPE } })
      assert.equal(reply.status, 200, `${name}: ${reply.reason}`)
      this.sawSnapshot(reply.headers['waxseal-snapshot'])
      const page = JSON.parse(reply.body.toString()) as ListedPage
      await verifyChain(dataDir, reply.body, page)
      for (const file of page.files) {
        listed.set(file.filename, file)
        await this.#verifyFile(new URL(file.url, `${url}/simple/${name}/`).href, file)
      }
    }
    await Promise.all(projects.map(({ name }) => verifyProject(name)))
    for (const file of this.#uploads.values()) {
      assert.equal(listed.get(file.filename)?.hashes['sha256'], file.sha256, `${file.filename} was acknowledged`)
    }
    for (const [filename, reason] of this.#yanked) assert.equal(listed.get(filename)?.yanked, reason)
  }

  async #verifyFile(url: string, file: ListedPage['files'][number]): Promise<void> {
    const { filename } = file
    const reply = await ask(url)
    assert.equal(reply.status, 200, `${filename} is listed: ${reply.reason}`)
    assert.equal(sha256Of(reply.body), file.hashes['sha256'], `${filename} is what its page says`)
    const metadata = file['core-metadata']
    if (typeof metadata !== 'object') return
    const sidecar = await ask(`${url}.metadata`)
    assert.equal(sha256Of(sidecar.body), metadata['sha256'], `the sidecar of ${filename}`)
    const uploaded = this.#uploads.get(filename)
    if (uploaded !== undefined) assert.equal(sidecar.body.toString(), uploaded.metadata)
  }
}

/** Every page before this one is still there, each the one that the next names. */
async function verifyChain(dataDir: string, body: Buffer, page: ListedPage): Promise<void> {
  let { snapshot, prev } = page._waxseal
  assert.ok(body.length > 0)
  while (prev !== null) {
    const before = await readFile(join(dataDir, 'blobs', prev.slice(0, 2), prev.slice(2, 4), prev))
    assert.equal(sha256Of(before), prev)
    const link = (JSON.parse(before.toString()) as ListedPage)._waxseal
    assert.ok(link.snapshot < snapshot, `snapshot ${link.snapshot} before ${snapshot}`)
    ;({ snapshot, prev } = link)
  }
}
