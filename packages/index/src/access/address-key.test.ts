import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { addressKey } from './address-key.ts'

describe('RATE: an address stands for what one subscriber has', () => {
  it('is itself in IPv4, also where that is mapped into IPv6', () => {
    assert.equal(addressKey('192.0.2.1'), '192.0.2.1')
    assert.equal(addressKey('::ffff:192.0.2.1'), '192.0.2.1')
  })

  it('is one /64 in IPv6, in whatever spelling', () => {
    assert.equal(addressKey('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2')
    assert.equal(addressKey('2001:0DB8:0001:2::9'), '2001:db8:1:2')
    assert.equal(addressKey('2001:db8::1'), '2001:db8:0:0')
    assert.equal(addressKey('2001:db8::'), '2001:db8:0:0')
    assert.equal(addressKey('fe80::1%eth0'), 'fe80:0:0:0')
    assert.equal(addressKey('::1'), '0:0:0:0')
  })

  it('is what it is called where there is none', () => {
    assert.equal(addressKey('unknown'), 'unknown')
  })
})
