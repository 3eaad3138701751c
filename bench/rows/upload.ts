import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { uploadForm } from '../../test/support/upload-form.ts'
import type { Distribution } from '../../test/support/python-projects.ts'
import type { RunningServer } from '../../test/support/server.ts'
import type { Figure, Row } from '../figure.ts'
import { median } from '../figure.ts'
import { LARGE_FILE, wheelOf } from '../scene.ts'
import type { Scene } from '../scene.ts'

const MAX_MS = 25
const FILE_SIZE = 100_000
const LARGE_SAMPLES = 5
/** The server has written what it was sent by then. */
const SETTLE_MS = 30

/** From the last byte of an upload to its 200: inspected, stored, recorded, published, all of it synced to disk. */
export const uploads: Row = async (scene) => {
  const { ours, effort } = scene
  const fresh: number[] = []
  const more: number[] = []
  for (let at = 0; at < effort.samples; at += 1) {
    fresh.push(await timeUpload(ours, wheelOf(`uploaded-${at}`, '1.0', FILE_SIZE)))
    more.push(await timeUpload(ours, wheelOf('uploaded', `1.${at}`, FILE_SIZE)))
  }
  const big: number[] = []
  for (let at = 0; at < Math.min(LARGE_SAMPLES, effort.samples / 5); at += 1)
    big.push(await timeUpload(ours, wheelOf('big', `1.${at}`, LARGE_FILE)))
  const sync = await timeSync(scene, effort.samples)
  const figure = (what: string, times: readonly number[]): Figure => {
    const ms = median(times)
    const beside = `one fsync: ${sync.toFixed(1)} ms`
    return { what, ours: `${ms.toFixed(1)} ms`, beside, bar: `≤ ${MAX_MS} ms`, met: ms <= MAX_MS }
  }
  return [
    figure('upload of 100 KB to its 200, new project', fresh),
    figure('upload of 100 KB to its 200, more of a project', more),
    figure('upload of 20 MB to its 200', big),
  ]
}

/** Milliseconds from the last byte to the answer; all bytes but the last are sent, and taken, before. */
async function timeUpload(server: RunningServer, file: Distribution): Promise<number> {
  const form = new Request(server.url, { method: 'POST', body: uploadForm(file) })
  const body = Buffer.from(await form.arrayBuffer())
  const upload = request(`${server.url}/legacy/`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${server.token}`,
      'content-type': form.headers.get('content-type') ?? '',
      'content-length': body.length,
    },
  })
  const answered = once(upload, 'response')
  await new Promise((resolve) => upload.write(body.subarray(0, -1), resolve))
  await wait(SETTLE_MS)
  const started = performance.now()
  upload.end(body.subarray(-1))
  const [answer] = (await answered) as [IncomingMessage]
  const took = performance.now() - started
  answer.resume()
  if (answer.statusCode !== 200) throw new Error(`upload: ${answer.statusCode} ${answer.statusMessage}`)
  return took
}

/** What this disk takes for one small write and its fsync: the floor under everything durable. */
async function timeSync({ folder }: Scene, samples: number): Promise<number> {
  const times: number[] = []
  await using file = await open(join(folder, 'sync'), 'w')
  for (let at = 0; at < samples; at += 1) {
    const started = performance.now()
    await file.write('x')
    await file.sync()
    times.push(performance.now() - started)
  }
  return median(times)
}
