import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { assert as check, jsonValue, property, string } from 'fast-check'
import { TrustError } from './error.ts'
import { canonicalJson } from './canonical-json.ts'
import type { Encodable } from './canonical-json.ts'
import type { JsonValue } from './json.ts'
import { isJsonObject } from './json.ts'
import { MAX_JSON_DEPTH } from './limits.ts'
import { parseJson } from './parse-json.ts'

const parse = (text: string) => parseJson(Buffer.from(text))

/** The same as JSON.parse gives, for comparing. */
function plain(value: JsonValue): unknown {
  if (Array.isArray(value)) return value.map((item) => plain(item as JsonValue))
  if (!isJsonObject(value)) return value
  return Object.fromEntries([...value].map(([name, member]) => [name, plain(member)]))
}

void suite('Strict JSON (attacks.md ARB-5, FF-JS)', () => {
  void test('reads what JSON.parse reads, or refuses it', () => {
    check(
      property(jsonValue(), jsonValue(), (document, other) => {
        const text = JSON.stringify([document, other], null, 1)
        let read: JsonValue
        try {
          read = parse(text).value
        } catch (error) {
          assert.ok(error instanceof TrustError)
          assert.match(text, /\.\d|e[+-]|\\ud|-0|\d{16}/i)
          return
        }
        assert.deepEqual(plain(read), JSON.parse(text))
      }),
    )
  })

  void test('never takes what JSON.parse refuses, and ends on anything with a value or a TrustError', () => {
    check(
      property(string({ unit: 'binary' }), string({ unit: 'grapheme-ascii' }), (any, ascii) => {
        for (const text of [any, ascii, `{"a":${ascii}}`, `["${ascii}"]`]) {
          try {
            parse(text)
          } catch (error) {
            assert.ok(error instanceof TrustError)
            assert.equal(error.code, 'json-invalid')
            continue
          }
          JSON.parse(text)
        }
      }),
      { numRuns: 500 },
    )
  })

  const refused = {
    'a name twice': '{"a":1,"a":1}',
    'a name twice, once escaped': String.raw`{"a":1,"\u0061":2}`,
    'a name twice, deep inside': '{"x":[{"a":1,"a":1}]}',
    'a fraction': '{"version":1.0}',
    'an exponent': '{"version":1e2}',
    'an exponent without end': '1e400',
    'a number beyond 2^53': '9007199254740992',
    'a negative number beyond 2^53': '-9007199254740992',
    'minus zero': '-0',
    'a leading zero': '01',
    'a plus': '+1',
    'a lone minus': '-',
    'half a character': String.raw`"\ud800"`,
    'half a character, the other half too late': String.raw`"\ud800 \udc00"`,
    'a control character': '"\u0000"',
    'a line feed in a text': '"\n"',
    'a wrong escape': String.raw`"\x"`,
    'a short escape': String.raw`"\u12"`,
    'an open text': '"a',
    'an open text that ends in a backslash': '"a\\',
    'a byte order mark': '\uFEFF{}',
    'something behind the end': '{} {}',
    'a trailing comma': '[1,]',
    'a trailing comma in an object': '{"a":1,}',
    'a missing comma': '[1 2]',
    'a missing colon': '{"a" 1}',
    'a name that is no text': '{1:1}',
    'a comment': '{}//',
    'white space that is none': '\u00A0{}',
    'a word cut short': 'tru',
    nothing: '',
    NaN: 'NaN',
  }
  for (const [what, text] of Object.entries(refused)) {
    void test(`refuses ${what}`, () => {
      assert.throws(() => parse(text), { code: 'json-invalid' })
    })
  }

  void test('refuses what is not UTF-8', () => {
    for (const bytes of [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0x22, 0xf0, 0x9f, 0x22]]) {
      assert.throws(() => parseJson(Buffer.from(bytes)), { code: 'json-invalid' })
    }
  })

  void test('refuses nesting beyond the limit, and takes the limit itself, without ending the stack', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
    assert.doesNotThrow(() => parse(nested(MAX_JSON_DEPTH)))
    assert.throws(() => parse(nested(MAX_JSON_DEPTH + 1)), { code: 'json-invalid' })
    assert.throws(() => parse('['.repeat(1_000_000)), { code: 'json-invalid' })
    assert.throws(() => parse('{"a":'.repeat(1_000_000)), { code: 'json-invalid' })
  })

  void test('keeps the order of members, also of those like integers, and __proto__ among them', () => {
    const { value } = parse('{"b":1,"10":2,"__proto__":{"x":1},"2":3,"constructor":4}')
    assert.ok(isJsonObject(value))
    assert.deepEqual([...value.keys()], ['b', '10', '__proto__', '2', 'constructor'])
    assert.equal(({} as { x?: unknown }).x, undefined)
  })

  void test('gives the text of the member that was asked for, and whether it is canonical', () => {
    const span = (text: string) => parseJson(Buffer.from(text), 'signed').span
    assert.deepEqual(span('{ "signed":{"a":1,"b":[true]} , "c":1}'), { text: '{"a":1,"b":[true]}', canonical: true })
    for (const signed of [
      '{"b":1,"a":2}',
      '{"a": 1}',
      String.raw`{"a":"\/"}`,
      String.raw`{"a":"\u0041"}`,
      String.raw`{"a":"\n"}`,
    ]) {
      assert.deepEqual(span(`{"signed":${signed}}`), { text: signed, canonical: false })
    }
    assert.equal(span('{"other":{"signed":1}}'), undefined)
    assert.equal(span('[{"signed":1}]'), undefined)
  })

  void test('a text that is said to be canonical is what the encoder writes', () => {
    check(
      property(jsonValue({ noUnicodeString: false }), (document) => {
        for (const space of [0, 1]) {
          const bytes = Buffer.from(`{"signed":${JSON.stringify(document, null, space)}}`)
          let parsed: ReturnType<typeof parseJson>
          try {
            parsed = parseJson(bytes, 'signed')
          } catch {
            return
          }
          const { value, span } = parsed
          assert.ok(isJsonObject(value))
          if (span?.canonical === true) assert.equal(span.text, canonicalJson(value.get('signed') as Encodable))
        }
      }),
      { numRuns: 500 },
    )
  })
})
