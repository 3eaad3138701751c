import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generatePrivateKey, keySigner, writePublicKey } from '@waxseal/trust'
import { documentOf, waxsealCommand } from '../support/command.ts'
import type { Run } from '../support/command.ts'

/** Somebody who holds an offline key. */
export interface Holder {
  readonly name: string
  /** In clear: what its passphrase costs is tested elsewhere. */
  readonly file: string
  readonly pub: string
  readonly keyid: string
}

/** A scratch folder with an index's data folder in it, and people with keys. */
export class CeremonyScene implements AsyncDisposable {
  readonly folder: string
  readonly data: string
  /** Of all commands. */
  env: NodeJS.ProcessEnv = {}
  #requests = 0

  private constructor(folder: string) {
    this.folder = folder
    this.data = join(folder, 'index')
  }

  static async open(): Promise<CeremonyScene> {
    return new CeremonyScene(await mkdtemp(join(tmpdir(), 'waxseal-ceremony-')))
  }

  async holder(name: string): Promise<Holder> {
    const privateKey = generatePrivateKey()
    const { key } = keySigner(privateKey)
    const file = join(this.folder, `${name}.pem`)
    await writeFile(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
    await writeFile(`${file}.pub`, writePublicKey(key))
    return { name, file, pub: `${file}.pub`, keyid: key.keyid }
  }

  run(...args: readonly string[]): Promise<Run> {
    return waxsealCommand(args, { cwd: this.folder, env: this.env })
  }

  /** A command that has to work; its document. */
  async done(...args: readonly string[]): Promise<Record<string, unknown>> {
    const run = await this.run(...args, '--json')
    assert.equal(run.code, 0, `waxseal ${args.join(' ')}: ${run.stderr}${run.stdout}`)
    return documentOf(run)
  }

  /** A command that has to refuse; its code, and what it says. */
  async refused(...args: readonly string[]): Promise<{ readonly code: string; readonly message: string }> {
    const run = await this.run(...args, '--json')
    assert.equal(run.code, 1, `waxseal ${args.join(' ')}: ${run.stderr}${run.stdout}`)
    const { error } = documentOf(run) as { readonly error: { readonly code: string; readonly message: string } }
    return error
  }

  /** Begins a ceremony; the file that is carried to the holders. */
  async begin(...args: readonly string[]): Promise<string> {
    const request = join(this.folder, `request-${(this.#requests += 1)}.json`)
    await this.done('ceremony', 'begin', '--data', this.data, '--out', request, ...args)
    return request
  }

  /** What a holder carries back. */
  async sign(request: string, holder: Holder): Promise<string> {
    const { out } = await this.done('sign', request, '--key', holder.file, '--yes')
    assert.ok(typeof out === 'string' && existsSync(out))
    return out
  }

  async import(...signatures: readonly string[]): Promise<Record<string, unknown>> {
    return await this.done('ceremony', 'import', '--data', this.data, ...signatures)
  }

  async publish(): Promise<Record<string, unknown>> {
    return await this.done('ceremony', 'publish', '--data', this.data)
  }

  /** From its begin to its end. */
  async ceremony(args: readonly string[], holders: readonly Holder[]): Promise<Record<string, unknown>> {
    const request = await this.begin(...args)
    const signatures: string[] = []
    for (const holder of holders) signatures.push(await this.sign(request, holder))
    await this.import(...signatures)
    return await this.publish()
  }

  /** Of a small index: these hold root and targets, and the threshold of them. */
  async first(holders: readonly Holder[], threshold: number): Promise<Record<string, unknown>> {
    const keys = holders.flatMap(({ pub }) => ['--root-key', pub])
    const size = ['--first', '--size', 'small', '--root-threshold', String(threshold)]
    return await this.ceremony([...size, ...keys], holders.slice(0, threshold))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true })
  }
}
