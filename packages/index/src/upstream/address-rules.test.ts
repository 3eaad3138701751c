import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isPublicAddress } from './address-rules.ts'

describe('isPublicAddress (attacks.md API-SSRF)', () => {
  const PUBLIC = [
    '1.1.1.1',
    '151.101.0.223',
    '8.8.8.8',
    '172.15.255.255',
    '172.32.0.0',
    '100.63.255.255',
    '100.128.0.0',
  ]
  const PUBLIC_V6 = ['2606:4700:4700::1111', '2a04:4e42::223', '2600::', '64:ff9b::8.8.8.8', '64:ff9b::808:808']
  for (const address of [...PUBLIC, ...PUBLIC_V6]) {
    it(`accepts ${address}`, () => assert.equal(isPublicAddress(address), true))
  }

  const PRIVATE = {
    'this network': ['0.0.0.0', '0.1.2.3', '::'],
    loopback: ['127.0.0.1', '127.255.255.254', '::1'],
    'RFC 1918': ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1'],
    'carrier NAT': ['100.64.0.1', '100.127.255.255', '100.100.100.200'],
    'link local and metadata': [
      '169.254.169.254',
      '169.254.0.1',
      'fe80::1',
      'fe80::1%eth0',
      'fd00:ec2::254',
      '168.63.129.16',
    ],
    'unique local': ['fc00::1', 'fd12:3456::1'],
    'site local': ['fec0::1'],
    documentation: ['192.0.2.1', '198.51.100.1', '203.0.113.1', '2001:db8::1', '3fff::1'],
    'protocol assignments and benchmarks': ['192.0.0.8', '198.18.0.1', '198.19.255.255', '192.88.99.1', '2001:2::1'],
    'tunnels that carry IPv4': ['2001::1', '2002:7f00:1::', '2002:a9fe:a9fe::1'],
    'IPv4-mapped': ['::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:169.254.169.254', '::ffff:8.8.8.8', '::127.0.0.1'],
    'NAT64 of a private address': [
      '64:ff9b::127.0.0.1',
      '64:ff9b::a9fe:a9fe',
      '64:ff9b::10.0.0.1',
      '64:ff9b::',
      '64:ff9b::1',
    ],
    'local NAT64': ['64:ff9b:1::1'],
    'multicast, reserved, broadcast': ['224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255', 'ff02::1'],
    'outside global unicast': ['4000::1', '100::1', '5f00::1'],
    'no address at all': ['', 'localhost', 'example.org', '1.2.3', '0x7f.1', '[::1]', '127.1', '1.1.1.1 '],
  }
  for (const [kind, addresses] of Object.entries(PRIVATE)) {
    for (const address of addresses) {
      it(`refuses ${kind}: ${JSON.stringify(address)}`, () => assert.equal(isPublicAddress(address), false))
    }
  }
})
