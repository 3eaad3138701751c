import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { pino } from 'pino'
import { requestLine } from './request-line.ts'
import type { RequestFields } from './request-line.ts'

const TIME = '2026-11-25T12:00:00.000Z'

/** The same line by the logger that writes all others. */
function byPino(fields: RequestFields): string {
  let line = ''
  const log = pino(
    {
      base: null,
      timestamp: () => `,"time":"${TIME}"`,
      formatters: { level: (level) => ({ level }) },
      serializers: { err: (error: unknown) => error },
    },
    { write: (text: string) => void (line = text) },
  )
  log.warn(fields, 'request')
  return line
}

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', '"', '\\', '\u0000\u001f\u007f', '\u2028', '\ud800', 'x'.repeat(2000)),
)
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined })

test('a request line is what pino would write, whatever a stranger sends (attacks.md LOG)', () => {
  const fields = fc.record({
    id: text,
    method: text,
    route: text,
    path: text,
    status: fc.integer({ min: 100, max: 599 }),
    code: maybe(text),
    cache: fc.constantFrom('none', 'memory', 'fill-started'),
    bytes: fc.nat(),
    ms: fc.double({ min: 0, max: 1e9, noNaN: true }),
    client: text,
    user: maybe(text),
    token: maybe(text),
    agent: maybe(text),
    cut: maybe(fc.constant(true as const)),
    err: maybe(fc.record({ message: text, code: text })),
  })
  fc.assert(
    fc.property(fields, (given) => {
      const line = requestLine('warn', TIME, given)
      assert.equal(line, byPino(given))
      assert.equal(line.indexOf('\n'), line.length - 1)
    }),
  )
})
