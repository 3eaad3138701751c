import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Copies that one child reads in the place of the user's files: in a folder of their own that nobody else may open. */
export class TemporaryFiles {
  #folder: Promise<string> | undefined
  #count = 0
  readonly #elsewhere: string[] = []

  /** Writes a copy; its path, which ends in the name that was given. */
  async write(name: string, text: string): Promise<string> {
    const path = await this.path(name)
    await this.writeAt(path, text)
    return path
  }

  /** Writes a copy at a path of `path` or `track`. */
  async writeAt(path: string, text: string): Promise<void> {
    await writeFile(path, text, { mode: 0o600, flag: 'wx' })
  }

  /** A place for a file that the child writes. */
  async path(name: string): Promise<string> {
    this.#folder ??= mkdtemp(join(tmpdir(), 'waxseal-run-'))
    const folder = join(await this.#folder, String(this.#count++))
    await mkdir(folder)
    return join(folder, name)
  }

  /** A file that stands in a folder of the user's, and goes with the others. */
  track(path: string): string {
    this.#elsewhere.push(path)
    return path
  }

  async remove(): Promise<void> {
    for (const path of this.#elsewhere) await rm(path, { force: true })
    if (this.#folder !== undefined) await rm(await this.#folder, { recursive: true, force: true })
  }
}
