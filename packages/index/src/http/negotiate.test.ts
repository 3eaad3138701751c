import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { negotiateEncoding, negotiateSimple, preferredMediaType } from './negotiate.ts'

const V1 = 'application/vnd.pypi.simple.v1'

/** The media type chosen, without parameters. */
function chosen(accept: string | undefined, format?: string): string {
  return negotiateSimple(accept, format).contentType.replace(/;.*/, '')
}

test('no Accept, a wildcard or nothing on offer means HTML, never a 406 (behaviour.md 0.11, 7.3.1)', () => {
  for (const accept of [
    undefined,
    '',
    '*/*',
    'text/*',
    'application/json',
    'image/png',
    'text/html;q=0',
    '*/*;q=0',
    ';;,,',
  ]) {
    assert.equal(chosen(accept), 'text/html', String(accept))
  }
})

test('the real clients get JSON', () => {
  for (const accept of [
    `${V1}+json, ${V1}+html; q=0.1, text/html; q=0.01`,
    `${V1}+json, ${V1}+html;q=0.2, text/html;q=0.01`,
    `${V1}+json`,
    `${V1}+json, ${V1}+html;q=0.2`,
  ]) {
    assert.deepEqual(negotiateSimple(accept), { format: 'json', contentType: `${V1}+json` })
  }
})

test('the highest quality wins; ties go to text/html, then v1+html, then v1+json', () => {
  assert.equal(chosen(`text/html;q=0.5,${V1}+json;q=0.9`), `${V1}+json`)
  assert.equal(chosen(`text/html;q=0.9,${V1}+json;q=0.5`), 'text/html')
  assert.equal(chosen(`${V1}+json, text/html`), 'text/html')
  assert.equal(chosen(`${V1}+json, ${V1}+html`), `${V1}+html`)
  assert.equal(chosen('application/*'), `${V1}+html`)
  assert.equal(chosen(`*/*;q=0.5, ${V1}+json;q=0.6`), `${V1}+json`)
  assert.equal(chosen(`*/*, text/html;q=0`), `${V1}+html`)
  assert.equal(chosen(`application/*;q=0.1, ${V1}+html;q=0`), `${V1}+json`)
})

test('latest types are answered with the name of version 1', () => {
  assert.equal(chosen('application/vnd.pypi.simple.latest+json'), `${V1}+json`)
  assert.equal(chosen('application/vnd.pypi.simple.latest+html'), `${V1}+html`)
  assert.equal(chosen('application/vnd.pypi.simple.v2+json'), 'text/html')
})

test('names are case-insensitive, blanks are free, odd qualities are tolerated or drop their range', () => {
  assert.equal(chosen(`APPLICATION/VND.PYPI.SIMPLE.V1+JSON ; charset=x ; Q = 1.000`), `${V1}+json`)
  assert.equal(chosen(`text/html;q=.2, ${V1}+json;q=0.30001`), `${V1}+json`)
  for (const q of ['', '2', '-1', '1.1', 'x', '1e1', '0x1']) {
    assert.equal(chosen(`${V1}+json;q=${q}, text/html;q=0.1`), 'text/html', q)
  }
})

test('the format parameter wins when it names a type on offer', () => {
  assert.equal(chosen('text/html', `${V1}+json`), `${V1}+json`)
  assert.equal(chosen(undefined, `${V1} json`), `${V1}+json`)
  assert.equal(chosen(`${V1}+json`, 'text/html'), 'text/html')
  assert.equal(chosen(`${V1}+json`, '__proto__'), `${V1}+json`)
})

test('an overlong header counts as absent', () => {
  assert.equal(chosen(`${V1}+json,${'a/b,'.repeat(1_000)}`), 'text/html')
  assert.equal(negotiateEncoding(`gzip,${'a,'.repeat(1_000)}`), 'identity')
})

test('the highest quality of the encodings wins; ties go to the smallest result', () => {
  assert.equal(negotiateEncoding('gzip, deflate'), 'gzip')
  assert.equal(negotiateEncoding('gzip, br, zstd'), 'zstd')
  assert.equal(negotiateEncoding('br, gzip'), 'br')
  assert.equal(negotiateEncoding('gzip;q=1.0, br;q=0.9'), 'gzip')
  assert.equal(negotiateEncoding('x-gzip'), 'gzip')
  assert.equal(negotiateEncoding('*'), 'zstd')
  assert.equal(negotiateEncoding('zstd;q=0, *'), 'br')
})

test('identity is the last resort unless it is asked for', () => {
  for (const header of [
    undefined,
    '',
    'deflate',
    'identity',
    'gzip;q=0',
    '*;q=0',
    'identity;q=0',
    'identity, gzip;q=0.5',
  ]) {
    assert.equal(negotiateEncoding(header), 'identity', String(header))
  }
  assert.equal(negotiateEncoding('identity;q=0.5, gzip;q=0.1'), 'identity')
  assert.equal(negotiateEncoding('gzip;q=0.1'), 'gzip')
  assert.equal(negotiateEncoding('identity, gzip'), 'gzip')
})

test('preferredMediaType takes the most specific range and says when all are excluded', () => {
  const offers = ['application/json', 'text/plain'] as const
  assert.equal(preferredMediaType(undefined, offers), 'application/json')
  assert.equal(preferredMediaType('application/*;q=0.1, */*;q=0.5', offers), 'text/plain')
  assert.equal(preferredMediaType('application/json;q=0, */*', offers), 'text/plain')
  assert.equal(preferredMediaType('image/png', offers), undefined)
})

test('any header gets an answer, and one range with a positive quality is always obeyed', () => {
  const noise = fc.string({
    unit: fc.constantFrom('a', '/', '*', ';', 'q', '=', ',', '0', '1', '.', ' ', '"'),
    maxLength: 80,
  })
  fc.assert(
    fc.property(noise, (header) => {
      assert.ok(['html', 'json'].includes(negotiateSimple(header).format))
      assert.ok(['zstd', 'br', 'gzip', 'identity'].includes(negotiateEncoding(header)))
    }),
  )
  const quality = fc.integer({ min: 1, max: 1_000 })
  fc.assert(
    fc.property(quality, quality, (html, json) => {
      const accept = `${V1}+json;q=${(json / 1_000).toFixed(3)}, text/html;q=${(html / 1_000).toFixed(3)}`
      assert.equal(negotiateSimple(accept).format, json > html ? 'json' : 'html')
    }),
  )
})
