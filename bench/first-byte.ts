import { Agent, get } from 'node:http'

const agent = new Agent({ keepAlive: true })

/** One request over a connection that is open already: milliseconds to the first byte of the body, and to the last. */
export async function timeRequest(
  url: string,
  headers: Readonly<Record<string, string>> = {},
  onFirstByte: () => void = () => {},
): Promise<{ readonly firstByte: number; readonly total: number; readonly bytes: number }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ firstByte: number; total: number; bytes: number }>()
  const started = performance.now()
  get(url, { agent, headers }, (answer) => {
    let firstByte: number | undefined
    let bytes = 0
    if (answer.statusCode !== 200) reject(new Error(`${url}: ${answer.statusCode} ${answer.statusMessage}`))
    answer.on('data', (chunk: Buffer) => {
      if (firstByte === undefined) {
        firstByte = performance.now() - started
        onFirstByte()
      }
      bytes += chunk.length
    })
    answer.on('end', () => {
      const total = performance.now() - started
      resolve({ firstByte: firstByte ?? total, total, bytes })
    })
    answer.on('error', reject)
  }).on('error', reject)
  return promise
}

/** Closes the kept connections, so that the process can end. */
export function closeConnections(): void {
  agent.destroy()
}
