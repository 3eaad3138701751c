import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { addressOf } from '../../support/behind-upstream.ts'
import { buildWheel } from '../../support/python-projects.ts'
import { ask } from '../../support/raw-http.ts'
import { openSocket } from '../../support/raw-socket.ts'
import { multipart } from '../../support/upload-stream.ts'
import type { Actor } from '../scene.ts'
import { count, moduleText, problem } from '../scene.ts'
import { newCold } from './cold.ts'

/** Clients that are gone in the middle of something: of a header, an upload, a download, a file that is being fetched. */
const quitter: Actor = {
  name: 'quitter',
  every: 1000,
  async act(soak, random) {
    const { socket } = openSocket(soak.server.url)
    await once(socket, 'connect')
    const host = new URL(soak.server.url).host
    const file = soak.recent[random.below(soak.recent.length + 1)]
    const kind = random.pick(['header', 'upload', 'download', 'cold', 'nothing'] as const)
    switch (kind) {
      case 'header':
        socket.write('GET /simple/x/ HTTP/1.1\r\nHost: h\r\nX-Long: ')
        break
      case 'upload': {
        const wheel = buildWheel({ name: 'soak-never', version: '1.0', module: moduleText(random, 400_000) })
        const { body, contentType } = multipart(wheel)
        const head = `Host: ${host}\r\nAuthorization: Bearer ${soak.server.token}\r\nContent-Type: ${contentType}`
        socket.write(`POST /legacy/ HTTP/1.1\r\n${head}\r\nContent-Length: ${body.length}\r\n\r\n`)
        socket.write(body.subarray(0, random.below(body.length - 1)))
        break
      }
      case 'download':
        if (file !== undefined) {
          socket.write(`GET ${addressOf(file.name, file)} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
          await once(socket, 'data')
        }
        break
      case 'cold': {
        const { name, file: fresh } = newCold(soak, random)
        await ask(`${soak.server.url}/simple/${name}/`)
        socket.write(`GET ${addressOf(name, fresh)} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
        break
      }
      case 'nothing':
        break
    }
    count(soak, `hung up: ${kind}`)
    await delay(random.below(300))
    socket.destroy()
  },
}

/** Takes a download in sips. */
const slowReader: Actor = {
  name: 'slow reader',
  every: 3000,
  async act(soak, random) {
    const file = soak.recent.toSorted((a, b) => b.bytes.length - a.bytes.length)[random.below(4)]
    if (file === undefined) return
    const pause = 10 + random.below(50)
    const onData = (): Promise<void> => delay(pause, undefined, { signal: soak.ending }).catch(() => undefined)
    const reply = await ask(`${soak.server.url}${addressOf(file.name, file)}`, { onData })
    count(soak, `slow file ${reply.status}`)
    const gone = soak.uploads.get(file.filename)?.state === 'deleted'
    if (!gone && !(reply.complete && reply.body.equals(file.bytes))) {
      problem(soak, `a slow reader got ${reply.body.length} of ${file.bytes.length} bytes of ${file.filename}`)
    }
  },
}

export const RUDE_ACTORS: readonly Actor[] = [quitter, slowReader]
