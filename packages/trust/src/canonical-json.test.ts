import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  assert as check,
  dictionary,
  jsonValue,
  maxSafeInteger,
  letrec,
  array,
  boolean,
  constant,
  oneof,
  property,
  string,
} from 'fast-check'
import { canonicalJson, EncodedJson, wireJson } from './canonical-json.ts'
import type { Encodable } from './canonical-json.ts'
import { MAX_JSON_DEPTH } from './limits.ts'
import { parseJson } from './parse-json.ts'

/** What metadata may hold, from outside: whole characters, whole numbers. */
const { value } = letrec<{ value: Encodable }>((tie) => ({
  value: oneof(
    { maxDepth: 4 },
    constant(null),
    boolean(),
    maxSafeInteger(),
    string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
    array(tie('value'), { maxLength: 5 }),
    dictionary(
      string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
      tie('value'),
      { maxKeys: 5 },
    ).map((members) => new Map(Object.entries(members))),
  ),
}))

void test('keys stand by code point, without white space; only quote and backslash are escaped', () => {
  const document = { b: [1, -2, 0, true, null], a: { '😀': 1, '\uFF5E': 2 }, text: 'a"\\/\n\tä' }
  assert.equal(canonicalJson(document), '{"a":{"\uFF5E":2,"😀":1},"b":[1,-2,0,true,null],"text":"a\\"\\\\/\n\tä"}')
})

void test('what is sent is JSON that says the same', () => {
  check(
    property(value, (document) => {
      const { value: read } = parseJson(Buffer.from(wireJson(document)))
      assert.equal(canonicalJson(read as Encodable), canonicalJson(document))
    }),
  )
})

void test('without control characters the form that is sent is the form that is signed', () => {
  check(
    property(jsonValue({ noUnicodeString: true }), (document) => {
      let canonical: string
      try {
        canonical = canonicalJson(document)
      } catch {
        return // Fractions.
      }
      if (!/[\u0000-\u001f]/.test(canonical)) assert.equal(wireJson(document), canonical)
    }),
  )
})

void test('two documents that differ are never encoded alike', () => {
  check(
    property(value, value, (a, b) => {
      const read = (document: Encodable) => parseJson(Buffer.from(wireJson(document))).value
      let alike = true
      try {
        assert.deepEqual(read(a), read(b))
      } catch {
        alike = false
      }
      assert.equal(canonicalJson(a) === canonicalJson(b), alike)
    }),
  )
})

void test('a member named __proto__ is one like any other, and members that are undefined are none', () => {
  assert.equal(canonicalJson(new Map([['__proto__', 1]])), '{"__proto__":1}')
  assert.equal(canonicalJson(JSON.parse('{"__proto__":1}') as Encodable), '{"__proto__":1}')
  assert.equal(canonicalJson({ a: undefined, b: 1 }), '{"b":1}')
})

void test('a part that was encoded before is put in as it is', () => {
  assert.equal(canonicalJson({ a: new EncodedJson('{"x":1}') }), '{"a":{"x":1}}')
})

for (const [what, bad] of Object.entries({
  'a fraction': 1.5,
  'a number beyond 2^53': 2 ** 53,
  'no number': Number.NaN,
  'half a character': '\uD800',
  'half a character in a name': new Map([['\uDC00', 1]]),
})) {
  void test(`FF-JS, ARB-5: ${what} is refused`, () => {
    assert.throws(() => canonicalJson({ bad }), { code: 'json-invalid' })
    assert.throws(() => wireJson({ bad }), { code: 'json-invalid' })
  })
}

void test('-0 is 0', () => {
  assert.equal(canonicalJson(-0), '0')
})

void test('nesting beyond the limit is refused', () => {
  let deep: Encodable = 1
  for (let depth = 0; depth <= MAX_JSON_DEPTH; depth += 1) deep = [deep]
  assert.throws(() => canonicalJson(deep), { code: 'json-invalid' })
})
