import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clientNetwork } from './client-network.ts'

test('an IPv4 address is one client, also when it comes mapped into IPv6', () => {
  assert.equal(clientNetwork('198.51.100.7'), '198.51.100.7')
  assert.equal(clientNetwork('::ffff:198.51.100.7'), '198.51.100.7')
})

test('all addresses of an IPv6 /64 are one client', () => {
  for (const address of [
    '2001:db8:0:1::1',
    '2001:DB8:0:1:ffff:1:2:3',
    '2001:db8::1:0:0:0:1',
    '2001:0db8:0000:0001::',
  ]) {
    assert.equal(clientNetwork(address), '2001:db8:0:1::/64', address)
  }
  assert.equal(clientNetwork('2001:db8:0:2::1'), '2001:db8:0:2::/64')
  assert.equal(clientNetwork('fe80::1%eth0'), 'fe80:0:0:0::/64')
  assert.equal(clientNetwork('::1'), '0:0:0:0::/64')
  assert.equal(clientNetwork('::1:2:3:4:5'), '0:0:0:1::/64')
})
