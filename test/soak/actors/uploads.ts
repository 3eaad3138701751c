import type { Seeded } from '../../support/seeded.ts'
import { buildSdist, buildWheel } from '../../support/python-projects.ts'
import type { Distribution } from '../../support/python-projects.ts'
import { ask } from '../../support/raw-http.ts'
import { multipart } from '../../support/upload-stream.ts'
import type { Reply } from '../../support/raw-http.ts'
import type { Acknowledged, Actor, Soak } from '../scene.ts'
import { askAgain, count, moduleText, problem, randomSize, remember } from '../scene.ts'

/** Files of one project, so that pages neither stay tiny nor grow for an hour. */
const RELEASES_A_PROJECT = 30

function newFile(soak: Soak, random: Seeded): Distribution {
  const number = (soak.count += 1)
  const name = `soak-${Math.floor(number / RELEASES_A_PROJECT)}`
  const release = { name, version: `1.${number}`, module: moduleText(random, randomSize(random)) }
  return random.below(6) === 0 ? buildSdist(release) : buildWheel(release)
}

/** Uploads one file as twine frames it, on a connection that stays open. */
function upload(soak: Soak, file: Distribution, token = soak.server.token): Promise<Reply> {
  const sdist = file.filename.endsWith('.tar.gz')
  const requires = /^Requires-Dist: (.*)$/m.exec(file.metadata)?.[1]
  const { body, contentType } = multipart(file, {
    ...(sdist ? { filetype: 'sdist', pyversion: 'source', metadata_version: '2.2' } : {}),
    ...(requires === undefined ? {} : { requires_dist: requires }),
  })
  const headers = { authorization: `Bearer ${token}`, 'content-type': contentType }
  return askAgain(soak, '/legacy/', { method: 'POST', headers, body })
}

/** Uploads a new file and notes that it was acknowledged; false, and a problem, when it was not. */
export async function put(soak: Soak, file: Distribution): Promise<boolean> {
  const { status, reason } = await upload(soak, file)
  count(soak, `upload ${status}`)
  if (status !== 200) {
    problem(soak, `the upload of ${file.filename} was answered with ${status} ${reason}`)
    return false
  }
  const { name, version, filename, sha256 } = file
  soak.uploads.set(filename, { name, version, filename, sha256, state: 'offered' })
  remember(soak.recent, file)
  return true
}

/** Uploads new files; now and then one again, other bytes under a used name, rubbish, or a name that upstream has. */
const uploader: Actor = {
  name: 'uploader',
  every: 1000,
  async act(soak, random) {
    const kind = random.below(12)
    const before = kind < 4 ? soak.recent[random.below(soak.recent.length + 1)] : undefined
    if (before === undefined) return void (await put(soak, newFile(soak, random)))
    const entry = soak.uploads.get(before.filename)
    const expect = async (file: Distribution, token: string, expected: readonly number[]): Promise<void> => {
      const { status, reason } = await upload(soak, file, token)
      count(soak, `upload refused or repeated ${status}`)
      if (!expected.includes(status)) problem(soak, `${file.filename}, kind ${kind}: ${status} ${reason}`)
    }
    const { token } = soak.server
    switch (kind) {
      case 0:
        return await expect(before, token, entry?.state === 'offered' ? [200, 400, 409] : [200, 400, 403, 409])
      case 1: {
        const other = buildWheel({ name: before.name, version: before.version, module: moduleText(random, 300) })
        return await expect({ ...other, filename: before.filename }, token, [400, 403, 409])
      }
      case 2: {
        const bytes = Buffer.from(before.bytes.subarray(0, before.bytes.length >> 1))
        const cut = { ...newFile(soak, random), bytes }
        return await expect(cut, token, [400])
      }
      default:
        return await expect(newFile(soak, random), 'no-such-token', [401, 403, 429])
    }
  },
}

/** Yanks, takes yanks back, deletes, and sets a project's status for a moment. */
const warden: Actor = {
  name: 'warden',
  every: 5000,
  async act(soak, random) {
    const known = [...soak.uploads.values()].slice(-400)
    const entry = known[random.below(known.length + 1)]
    if (entry === undefined || entry.state === 'deleted') return
    if (entry.state === 'yanked') {
      entry.state = 'changing'
      await change(soak, 'DELETE', `/projects/${entry.name}/releases/${entry.version}/yank`)
      entry.state = 'offered'
    } else if (random.below(3) === 0) {
      await remove(soak, entry)
    } else {
      entry.state = 'changing'
      const reason = JSON.stringify({ reason: `number ${random.below(1000)}` })
      await change(soak, 'PUT', `/projects/${entry.name}/releases/${entry.version}/yank`, reason)
      entry.state = 'yanked'
    }
  },
}

async function remove(soak: Soak, entry: Acknowledged): Promise<void> {
  entry.state = 'deleted'
  await change(soak, 'DELETE', `/projects/${entry.name}/files/${entry.filename}`)
}

async function change(soak: Soak, method: 'PUT' | 'DELETE', path: string, body?: string): Promise<void> {
  const reply = await ask(`${soak.server.url}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${soak.server.token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body }),
  })
  count(soak, `change ${reply.status}`)
  if (reply.status !== 200) problem(soak, `${method} ${path}: ${reply.status} ${reply.reason}`)
}

export const UPLOAD_ACTORS: readonly Actor[] = [uploader, uploader, warden]
