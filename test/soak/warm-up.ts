import { MAX_CURRENT_PROJECTS } from '../../packages/index/src/limits.ts'
import { addressOf } from '../support/behind-upstream.ts'
import { ask } from '../support/raw-http.ts'
import type { Simulator } from '../support/upstream-simulator.ts'

/** How much is asked for before anything is measured. */
export interface WarmUp {
  /** Projects of the upstream with `files` files each: their pages and documents fill the caches of encoded pages and documents. */
  readonly projects: number
  readonly files: number
  /** Files just small enough for the cache of small ones. */
  readonly small: number
  /** Readers at once of one large file, for whom the pool of buffers has to grow. */
  readonly crowd: number
  /** Names that are asked for in every form: their state is kept, and the caches of pages and documents end up full of small ones. */
  readonly names: number
}

/** More than the caches hold: 32 MB of pages, 16 MB of documents, 16 MB of small files, 32 MB of buffers, 5,000 names. */
export const FULL: WarmUp = { projects: 20, files: 2000, small: 320, crowd: 140, names: MAX_CURRENT_PROJECTS + 200 }
export const LITTLE: WarmUp = { projects: 1, files: 50, small: 5, crowd: 10, names: 20 }

const SMALL_SIZE = 60_000
const LARGE_SIZE = 2_000_000
const AT_ONCE = 16

/**
 * Fills what has a cap to its cap. A cache that is still on the way there looks like a leak for as long as it takes, and
 * at a moderate load it takes longer than an hour.
 */
export async function warmUp(
  url: string,
  upstream: Simulator,
  { projects, files, small, crowd, names }: WarmUp,
): Promise<void> {
  for (let number = 0; number < projects; number += 1) {
    const name = `large-${number}`
    const listed = Array.from({ length: files }, (_, at) => ({
      filename: `large_${number}-1.${at}-py3-none-any.whl`,
      bytes: Buffer.from(`${number} ${at}`),
    }))
    upstream.addProject({ name, files: listed })
    await askInEveryForm(url, name)
    upstream.removeProject(name)
  }
  const name = 'many-small'
  const smalls = Array.from({ length: small }, (_, at) => ({
    filename: `many_small-1.${at}-py3-none-any.whl`,
    bytes: Buffer.alloc(SMALL_SIZE, `${at} `),
  }))
  const large = { filename: 'many_small-2.0-py3-none-any.whl', bytes: Buffer.alloc(LARGE_SIZE, 'large') }
  upstream.addProject({ name, files: [...smalls, large] })
  await ask(`${url}/simple/${name}/`, { discard: true })
  // Once to fetch them, once to find them small.
  for (const file of [...smalls, ...smalls]) await ask(`${url}${addressOf(name, file)}`, { discard: true })
  await ask(`${url}${addressOf(name, large)}`, { discard: true })
  await Promise.all(Array.from({ length: crowd }, () => ask(`${url}${addressOf(name, large)}`, { discard: true })))
  upstream.removeProject(name)
  // Last: what is small costs more memory outside its bytes, and would come to that only in the course of hours.
  for (let from = 0; from < names; from += AT_ONCE) {
    const batch = Array.from({ length: Math.min(AT_ONCE, names - from) }, (_, at) => `name-${from + at}`)
    for (const one of batch) upstream.addProject({ name: one, files: [] })
    await Promise.all(batch.map((one) => askInEveryForm(url, one)))
    for (const one of batch) upstream.removeProject(one)
  }
  upstream.clearRequests()
}

async function askInEveryForm(url: string, project: string): Promise<void> {
  for (const encoding of ['identity', 'gzip', 'br']) {
    for (const accept of ['text/html', 'application/vnd.pypi.simple.v1+json']) {
      await ask(`${url}/simple/${project}/`, { headers: { accept, 'accept-encoding': encoding }, discard: true })
    }
  }
  for (const path of [`/pypi/${project}/json`, `/why/${project}`]) await ask(`${url}${path}`, { discard: true })
}
