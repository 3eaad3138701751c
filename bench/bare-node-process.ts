import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A server of Node's own that sends one file from memory, whatever it is asked: the least that any server on Node costs. */
const [, , file = ''] = process.argv
const body = readFileSync(file)
const headers = ['Content-Type', 'application/octet-stream', 'Content-Length', String(body.length)]
const server = createServer((_, res) => {
  res.writeHead(200, headers)
  res.end(body)
})
server.listen(0, '127.0.0.1', () => process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`))
process.on('disconnect', () => server.close())
