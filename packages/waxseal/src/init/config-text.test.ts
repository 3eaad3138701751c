import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'smol-toml'
import { configSchema } from '../config/schema.ts'
import { initialConfig } from './config-text.ts'

test('the first configuration says what was chosen, and is valid whatever that was', () => {
  const two = { z: { url: 'https://z.example/"\\\u007f/' }, a: { url: 'https://a.example/' } }
  const choices: readonly Parameters<typeof initialConfig>[0][] = [
    {},
    { cooldownDays: 0 },
    { listen: ['127.0.0.1:1'], reading: 'private' as const, prefixes: ['corp', 'acme'], upstream: {} },
    { listen: ['127.0.0.1:1', '[::1]:1'], 'public-url': 'https://p.example/', upstream: two },
  ]
  for (const choice of choices) {
    const parsed = configSchema.parse(parse(initialConfig(choice)))
    assert.equal(parsed.data, '.')
    assert.deepEqual([parsed.listen].flat(), [choice.listen].flat())
    assert.equal(parsed['public-url'], choice['public-url'])
    assert.equal(parsed.reading, choice.reading ?? 'public')
    assert.deepEqual(parsed.prefixes, choice.prefixes ?? [])
    assert.equal(parsed.names?.['cooldown-days'], choice.cooldownDays ?? 3)
    assert.deepEqual(Object.keys(parsed.upstream ?? {}), Object.keys(choice.upstream ?? { pypi: {} }))
  }
  assert.match(initialConfig({}), /^# Whether installing needs a token\.\nreading = "public"$/m)
  assert.match(initialConfig({}), /; see docs\/names\.md\.\nprefixes = /)
  assert.doesNotMatch(initialConfig({}), /\]\(|`\w+`:/)
})
