import assert from 'node:assert/strict'
import type { LookupAddress } from 'node:dns'
import { describe, it } from 'node:test'
import { isPublicAddress } from './address-rules.ts'
import type { ResolveHost } from './connect.ts'
import { checkBeforeProxy, checkedLookup } from './connect.ts'

const v4 = (...addresses: string[]) => addresses.map((address) => ({ address, family: 4 }))

/** Answers each look-up with the next of `answers`, as a rebinding name server does. */
function rebinding(answers: readonly LookupAddress[][]) {
  let asked = 0
  const resolve: ResolveHost = (_hostname, callback) => callback(null, answers[asked++] ?? [])
  return { resolve, asked: () => asked }
}

function look(resolve: ResolveHost, all: boolean): Promise<string | LookupAddress[]> {
  return new Promise((pass, reject) => {
    const lookup = checkedLookup(resolve, isPublicAddress)
    lookup('name.test', { all }, (error, address) => (error === null ? pass(address) : reject(error)))
  })
}

describe('checkedLookup (attacks.md API-SSRF)', () => {
  it('connects to what was checked: one resolution, whose addresses are handed on as they are', async () => {
    const name = rebinding([v4('93.184.215.14', '1.1.1.1'), v4('127.0.0.1')])
    assert.deepEqual(await look(name.resolve, true), v4('93.184.215.14', '1.1.1.1'))
    assert.equal(name.asked(), 1)
  })

  it('refuses the private answer of a name that was public a moment ago', async () => {
    const name = rebinding([v4('93.184.215.14'), v4('169.254.169.254')])
    assert.equal(await look(name.resolve, false), '93.184.215.14')
    await assert.rejects(look(name.resolve, false), { code: 'not-allowed' })
  })

  it('refuses a name as soon as one of its addresses is private, and one without addresses', async () => {
    await assert.rejects(look(rebinding([v4('1.1.1.1', '10.0.0.1')]).resolve, true), { code: 'not-allowed' })
    await assert.rejects(look(rebinding([[{ address: '::1', family: 6 }]]).resolve, true), { code: 'not-allowed' })
    await assert.rejects(look(rebinding([[]]).resolve, true), { code: 'not-allowed' })
  })

  it('hands on the error of the resolver', async () => {
    await assert.rejects(
      look((_hostname, callback) => callback(new Error('ENOTFOUND'), []), true),
      /ENOTFOUND/,
    )
  })
})

describe('checkBeforeProxy (attacks.md API-SSRF)', () => {
  it('refuses what resolves here to a private address', async () => {
    await assert.rejects(checkBeforeProxy('a.test', rebinding([v4('10.0.0.1')]).resolve), { code: 'not-allowed' })
  })

  it('leaves to the proxy what does not resolve here', async () => {
    await checkBeforeProxy('a.test', (_hostname, callback) => callback(new Error('ENOTFOUND'), []))
    await checkBeforeProxy('a.test', rebinding([v4('1.1.1.1')]).resolve)
  })
})
