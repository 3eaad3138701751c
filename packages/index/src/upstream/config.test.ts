import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { authorizationOf, upstreamDefaults } from './config.ts'

describe('upstreamDefaults', () => {
  it('ends the base with a slash, whether it was given or not', () => {
    assert.equal(upstreamDefaults('a', 'https://index.test/simple').url, 'https://index.test/simple/')
    assert.equal(upstreamDefaults('a', 'https://index.test/simple/').url, 'https://index.test/simple/')
    assert.equal(upstreamDefaults('a', 'https://index.test').url, 'https://index.test/')
  })

  it('moves credentials out of the URL and decodes them', () => {
    const config = upstreamDefaults('a', 'https://us%40er:p%3Ass@index.test/simple')
    assert.equal(config.url, 'https://index.test/simple/')
    assert.equal(config.username, 'us@er')
    assert.equal(config.password, 'p:ss')
    assert.equal(authorizationOf(config), `Basic ${Buffer.from('us@er:p:ss').toString('base64')}`)
  })

  it('takes settings over defaults, and reduces further origins to their origin', () => {
    const config = upstreamDefaults('a', 'https://index.test/', {
      token: 't',
      alsoAllow: ['http://files.test:8080/x/'],
    })
    assert.equal(authorizationOf(config), 'Bearer t')
    assert.deepEqual(config.alsoAllow, ['http://files.test:8080'])
  })

  it('has no Authorization without credentials', () => {
    assert.equal(authorizationOf(upstreamDefaults('a', 'https://index.test/')), undefined)
  })

  for (const url of ['file:///etc/passwd', 'ftp://index.test/', 'index.test', '', 'https://index.test/simple?x=1']) {
    it(`refuses ${JSON.stringify(url)}`, () => {
      assert.throws(() => upstreamDefaults('a', url), { name: 'IndexError', code: 'config-invalid' })
    })
  }
})
