import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { badInput } from './bad-input.ts'

const schema = z.strictObject({
  status: z.enum(['active', 'archived']),
  reason: z.string().max(3).optional(),
  nested: z.object({ count: z.number() }).optional(),
})

const cases: readonly (readonly [unknown, string])[] = [
  [{ status: 'gone' }, 'The field \'status\' of the body is not valid: expected one of "active"|"archived".'],
  [{}, 'The field \'status\' of the body is not valid: expected one of "active"|"archived".'],
  [
    { status: 'active', reason: 'long' },
    "The field 'reason' of the body is not valid: too big: expected string to have <=3 characters.",
  ],
  [
    { status: 'active', nested: { count: 'x' } },
    "The field 'nested.count' of the body is not valid: expected number, received string.",
  ],
  [{ status: 'active', extra: 1 }, "The body has a field that is not known here: 'extra'."],
  [[], 'The body is not valid: expected object, received array.'],
  [undefined, 'The body is not valid: expected object, received undefined.'],
]

for (const [value, sentence] of cases) {
  test(`says what is wrong with ${JSON.stringify(value)} in one sentence`, () => {
    const result = schema.safeParse(value)
    assert.ok(!result.success)
    assert.equal(badInput(result.error, 'body'), sentence)
  })
}
