import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { configuredOrigins, mayFetch } from './origin-rules.ts'

const configured = configuredOrigins({ url: 'http://10.0.0.5:8080/simple/', alsoAllow: ['https://files.corp.test'] })
const BASE = 'http://10.0.0.5:8080/simple/demo/'

describe('mayFetch', () => {
  it('lets a configured origin be private and plain http', () => {
    assert.equal(mayFetch(configured, '../../files/demo-1.0.tar.gz', BASE).allowed, true)
    assert.equal(mayFetch(configured, 'https://files.corp.test/demo-1.0.tar.gz').allowed, true)
  })

  it('lets any public https origin be linked', () => {
    const permission = mayFetch(configured, 'https://files.example.org/x.whl#sha256=00', BASE)
    assert.ok(permission.allowed)
    assert.equal(permission.url.href, 'https://files.example.org/x.whl')
    assert.equal(permission.configured, false)
  })

  const JSURL = [
    'javascript:alert(1)',
    'data:text/plain,x',
    'file:///etc/passwd',
    'ftp://a.test/x',
    'gopher://a.test/1',
    'blob:x',
  ]
  for (const url of JSURL) {
    it(`API-JSURL: refuses ${url}`, () => assert.equal(mayFetch(configured, url, BASE).allowed, false))
  }

  const SSRF = [
    'https://169.254.169.254/latest/meta-data/',
    'https://127.0.0.1/x',
    'https://2130706433/x',
    'https://0x7f.1/x',
    'https://0177.0.0.1/x',
    'https://[::1]/x',
    'https://[::ffff:10.0.0.5]/x',
    'https://10.0.0.5:8081/x',
    'https://10.0.0.5:8080/x',
    'http://10.0.0.5/x',
    'http://files.corp.test/x',
    'http://example.org/x',
    '//10.0.0.6/x',
    'https://user:pass@example.org/x',
    'https://user@files.corp.test/x',
    'http://[',
  ]
  for (const url of SSRF) {
    it(`API-SSRF: refuses ${url}`, () => assert.equal(mayFetch(configured, url, BASE).allowed, false))
  }

  it('refuses a URL of absurd length', () => {
    assert.equal(mayFetch(configured, `https://example.org/${'a'.repeat(9000)}`).allowed, false)
  })
})
