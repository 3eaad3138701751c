import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import {
  clientAddress,
  clientAddressBehind,
  NO_PROXIES,
  trustedProxies,
  type TrustedProxies,
} from './client-address.ts'

function proxies(...entries: string[]): TrustedProxies {
  const read = trustedProxies(entries)
  assert.ok(read.kind === 'proxies')
  return read.proxies
}

test('without a trusted proxy the header means nothing', () => {
  assert.equal(clientAddress('203.0.113.9', '198.51.100.1', NO_PROXIES), '203.0.113.9')
  assert.equal(clientAddress('203.0.113.9', '198.51.100.1', proxies('10.0.0.0/8')), '203.0.113.9')
  assert.equal(clientAddress(undefined, '198.51.100.1', proxies('0.0.0.0/0')), 'unknown')
})

test('a trusted proxy is believed, and what the client wrote itself is not', () => {
  const trusted = proxies('10.0.0.0/8', '2001:db8::/32')
  assert.equal(clientAddress('10.0.0.1', '198.51.100.1', trusted), '198.51.100.1')
  assert.equal(clientAddress('::ffff:10.0.0.1', '198.51.100.1', trusted), '198.51.100.1')
  assert.equal(clientAddress('2001:db8::1', '1.1.1.1, 198.51.100.1, 10.9.9.9', trusted), '198.51.100.1')
  assert.equal(clientAddress('10.0.0.1', '10.0.0.2, 10.0.0.3', trusted), '10.0.0.2')
  assert.equal(clientAddress('10.0.0.1', undefined, trusted), '10.0.0.1')
})

test('what is no address ends the walk at the last one that was', () => {
  const trusted = proxies('10.0.0.0/8')
  for (const header of ['', 'unknown', '1.2.3.4, evil\n', '999.1.1.1', '_hidden', 'a'.repeat(10_000)]) {
    assert.equal(clientAddress('10.0.0.1', header, trusted), '10.0.0.1', header.slice(0, 20))
  }
})

test('ports, brackets, zones and mapped addresses are taken off', () => {
  const trusted = proxies('10.0.0.1')
  assert.equal(clientAddress('10.0.0.1', '198.51.100.1:4711', trusted), '198.51.100.1')
  assert.equal(clientAddress('10.0.0.1', '[2001:DB8::1]:4711', trusted), '2001:db8::1')
  assert.equal(clientAddress('10.0.0.1', '::ffff:198.51.100.1', trusted), '198.51.100.1')
  assert.equal(clientAddress('fe80::1%eth0', undefined, trusted), 'fe80::1')
})

test('of a very long header only the end is read, and never half an address', () => {
  const trusted = proxies('10.0.0.0/8')
  assert.equal(clientAddress('10.0.0.1', `${'1.1.1.1,'.repeat(5_000)}198.51.100.1`, trusted), '198.51.100.1')
  assert.equal(clientAddress('10.0.0.1', `1.1.1.1,${'10.0.0.9,'.repeat(5_000)}10.0.0.9`, trusted), '10.0.0.9')
})

test('a wrong entry of the configuration is named', () => {
  for (const entry of ['proxy.example', '10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/-1', '/8', '10.0.0.0/8/8']) {
    assert.deepEqual(trustedProxies([entry]), { kind: 'invalid', entry })
  }
})

test("a request through a trusted proxy is its client's", async () => {
  const server = createServer((req, res) => res.end(clientAddressBehind(proxies('127.0.0.0/8'))(req)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const headers = { 'x-forwarded-for': '1.1.1.1, 198.51.100.7', connection: 'close' }
  assert.equal(await (await fetch(`http://127.0.0.1:${port}/`, { headers })).text(), '198.51.100.7')
  server.close()
})
