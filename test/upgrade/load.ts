import assert from 'node:assert/strict'
import { Agent } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { addressOf } from '../support/behind-upstream.ts'
import type { Client } from '../support/clients.ts'
import { buildWheel } from '../support/python-projects.ts'
import type { Distribution } from '../support/python-projects.ts'
import { ask } from '../support/raw-http.ts'
import type { AskOptions, Reply } from '../support/raw-http.ts'
import { multipart } from '../support/upload-stream.ts'

/** By then every node has noticed what another one published, on the slowest machine. */
const LISTED_MS = 20_000
/** By then what a test waits for is done several times over: a server that only refuses would be tried for ever. */
const MORE_MS = 120_000

/** What the load needs of a server: where to knock, for each request anew. */
export interface LoadTarget {
  readonly url: () => string
  readonly token: string
  readonly pip: Client | undefined
  readonly folder: string
}

/**
 * Uploads and installations without a pause, each tried again until it is answered. Whatever is answered must be right;
 * not to be answered, or with 503, is all that an exchange of programs may cost. Disposing of it ends it, whatever it
 * waits for.
 */
export class Load implements AsyncDisposable {
  readonly acknowledged: Distribution[] = []
  /** Uploads, and readings, that were answered, and tries that were not. */
  readonly counts = { uploads: 0, readings: 0, installs: 0, unanswered: 0 }
  /** The longest time for which nothing was answered, in milliseconds: for information. */
  longestGap = 0
  readonly #target: LoadTarget
  readonly #running: Promise<unknown>
  /** Whose connections are cut when the load is given up. */
  readonly #agent = new Agent()
  #ended = false
  #failure: unknown
  #number = 0
  #answeredAt = performance.now()
  #waiting: (() => void)[] = []

  constructor(target: LoadTarget) {
    this.#target = target
    const actors = [this.#upload(), this.#upload(), this.#read(), this.#read(), this.#install()]
    // All of them, also after the first failure: what one still does would come in the way of tidying up.
    this.#running = Promise.allSettled(actors.map((actor) => actor.catch((error: unknown) => this.#fail(error))))
  }

  /** Resolves when so many uploads, readings and, with a pip, installations more were done; rejects when one went wrong. */
  async more({ uploads, readings, installs }: Omit<Load['counts'], 'unanswered'>): Promise<void> {
    const before = { ...this.counts }
    const missing = (): boolean =>
      this.counts.uploads < before.uploads + uploads ||
      this.counts.readings < before.readings + readings ||
      (this.#target.pip !== undefined && this.counts.installs < before.installs + installs)
    const timer = setTimeout(() => {
      this.#fail(new Error(`the load got no further within ${MORE_MS} ms: ${JSON.stringify([before, this.counts])}`))
    }, MORE_MS)
    while (missing() && !this.#ended) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    clearTimeout(timer)
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Ends it and reads everything that was ever acknowledged. */
  async end(): Promise<void> {
    this.#ended = true
    await this.#running
    if (this.#failure !== undefined) throw this.#failure
    for (const file of this.acknowledged) {
      const reply = await this.#ask(`${this.#target.url()}${addressOf(file.name, file)}`)
      assert.ok(
        reply.status === 200 && reply.body.equals(file.bytes),
        `${file.filename}: ${reply.status} ${reply.reason}`,
      )
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true
    this.#agent.destroy()
    await this.#running
  }

  #ask(url: string, options: AskOptions = {}): Promise<Reply> {
    return ask(url, { ...options, agent: this.#agent })
  }

  #fail(error: unknown): void {
    this.#failure ??= error
    this.#ended = true
    this.#wake()
  }

  async #upload(): Promise<void> {
    while (!this.#ended) {
      const number = (this.#number += 1)
      const file = buildWheel({ name: `corp-load-${number % 4}`, version: `1.${number}` })
      const { body, contentType } = multipart(file)
      const headers = { authorization: `Bearer ${this.#target.token}`, 'content-type': contentType }
      const asking = { method: 'POST', headers, body }
      const reply = await this.#answered(() => this.#ask(`${this.#target.url()}/legacy/`, asking))
      if (reply === undefined) return
      assert.equal(reply.status, 200, `the upload of ${file.filename}: ${reply.status} ${reply.reason}`)
      this.acknowledged.push(file)
      this.#done('uploads')
    }
  }

  async #read(): Promise<void> {
    while (!this.#ended) {
      const file = this.acknowledged[Math.floor(Math.random() * this.acknowledged.length)]
      if (file === undefined) {
        await delay(20)
        continue
      }
      if (!(await this.#listedAt(this.#target.url(), file))) continue
      const reply = await this.#answered(() => this.#ask(`${this.#target.url()}${addressOf(file.name, file)}`))
      if (reply === undefined) return
      assert.ok(reply.status === 200 && reply.body.equals(file.bytes), `${file.filename}: ${reply.status}`)
      this.#done('readings')
    }
  }

  async #install(): Promise<void> {
    const { pip, folder } = this.#target
    if (pip === undefined) return
    while (!this.#ended) {
      const file = this.acknowledged.at(-1)
      if (file === undefined) {
        await delay(20)
        continue
      }
      const url = this.#target.url()
      if (!(await this.#listedAt(url, file))) continue
      const from = ['--index-url', `${url}/simple/`, '--no-cache-dir', '--no-deps', '--retries', '5']
      const wanted = `${file.name}==${file.version}`
      const outcome = await pip.run(['download', ...from, '--dest', 'out', wanted], { cwd: folder })
      // A node that stops for good answers nobody any more: whoever asked it turns to another one.
      if (outcome.code !== 0 && (await this.#ask(`${url}/-/health`)).status === 0) {
        this.counts.unanswered += 1
        continue
      }
      assert.equal(outcome.code, 0, `${wanted}: ${outcome.stderr}`)
      this.#done('installs')
    }
  }

  /** Whether a server lists the file, as one has to that answers: at once, or as soon as it noticed what another node published. */
  async #listedAt(url: string, file: Distribution): Promise<boolean> {
    const end = performance.now() + LISTED_MS
    for (;;) {
      const page = await this.#ask(`${url}/simple/${file.name}/`)
      if (page.status === 200 && page.body.toString().includes(file.sha256)) return true
      assert.ok([0, 200, 503].includes(page.status), `the page of ${file.name}: ${page.status} ${page.reason}`)
      await delay(50)
      if (page.status !== 200 || this.#failure !== undefined) {
        this.counts.unanswered += 1
        return false
      }
      assert.ok(performance.now() < end, `${file.filename} is not on its page at ${url}`)
    }
  }

  /** Asks until there is an answer, as clients do; undefined when the load ended without. */
  async #answered(question: () => Promise<Reply>): Promise<Reply | undefined> {
    for (;;) {
      const reply = await question()
      if (reply.status !== 0 && reply.status !== 503 && reply.complete) {
        const now = performance.now()
        this.longestGap = Math.max(this.longestGap, now - this.#answeredAt)
        this.#answeredAt = now
        return reply
      }
      this.counts.unanswered += 1
      if (this.#ended) return undefined
      await delay(50)
    }
  }

  #done(what: 'uploads' | 'readings' | 'installs'): void {
    this.counts[what] += 1
    this.#wake()
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }
}
