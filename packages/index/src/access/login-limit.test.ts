import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LoginLimit } from './login-limit.ts'
import type { BurstOfFailures } from './login-limit.ts'

const YEAR = 365 * 86_400_000

function setUp(onBurst?: (burst: BurstOfFailures) => void): {
  readonly limit: LoginLimit
  readonly wait: (milliseconds: number) => void
} {
  let now = 50 * YEAR
  return {
    limit: new LoginLimit({ now: () => now }, onBurst),
    wait: (milliseconds) => {
      now += milliseconds
    },
  }
}

function fail(limit: LoginLimit, user: string, address: string, times: number): void {
  for (let count = 0; count < times; count++) assert.equal(limit.password(user, address).allowed, true)
}

function succeed(limit: LoginLimit, user: string, address: string): void {
  const attempt = limit.password(user, address)
  assert.ok(attempt.allowed)
  attempt.succeeded()
}

describe('RATE: failed logins', () => {
  it('are limited to ten in five minutes per user, from wherever they come', () => {
    const { limit, wait } = setUp()
    for (let count = 0; count < 10; count++) fail(limit, 'alice', `192.0.2.${count}`, 1)
    assert.deepEqual(limit.password('alice', '192.0.2.99'), { allowed: false, retryAfter: 300 })
    wait(200_000)
    assert.deepEqual(limit.password('alice', '192.0.2.99'), { allowed: false, retryAfter: 100 })
    wait(100_000)
    assert.equal(limit.password('alice', '192.0.2.99').allowed, true)
  })

  it('are limited to ten in five minutes per address, whoever is tried', () => {
    const { limit } = setUp()
    for (let count = 0; count < 10; count++) fail(limit, `user${count}`, '192.0.2.1', 1)
    assert.equal(limit.password('bob', '192.0.2.1').allowed, false)
    assert.equal(limit.password('bob', '192.0.2.2').allowed, true)
  })

  it('slide: the oldest failure makes room first', () => {
    const { limit, wait } = setUp()
    fail(limit, 'alice', '192.0.2.1', 5)
    wait(200_000)
    fail(limit, 'alice', '192.0.2.1', 5)
    wait(100_000)
    fail(limit, 'alice', '192.0.2.1', 5)
    assert.equal(limit.password('alice', '192.0.2.1').allowed, false)
  })

  it('count before the password is looked at, so that many at once do not slip through', () => {
    const { limit } = setUp()
    const attempts = Array.from({ length: 50 }, () => limit.password('alice', '192.0.2.1'))
    assert.equal(attempts.filter((attempt) => attempt.allowed).length, 10)
  })

  it('do not count when they succeed or were never looked at', () => {
    const { limit } = setUp()
    for (let count = 0; count < 30; count++) succeed(limit, 'alice', '192.0.2.1')
    for (let count = 0; count < 30; count++) {
      const attempt = limit.password('bob', '192.0.2.2')
      assert.ok(attempt.allowed)
      attempt.withdrawn()
    }
  })

  it('of strangers lock nobody out where they have logged in before', () => {
    const { limit } = setUp()
    succeed(limit, 'alice', '192.0.2.1')
    for (let count = 0; count < 10; count++) fail(limit, 'alice', `198.51.100.${count}`, 1)
    for (let count = 0; count < 10; count++) fail(limit, `user${count}`, '192.0.2.1', 1)
    succeed(limit, 'alice', '192.0.2.1')
    fail(limit, 'alice', '192.0.2.1', 10)
    assert.equal(limit.password('alice', '192.0.2.1').allowed, false, 'and still count there')
  })

  it('with tokens are counted by address, apart from those with passwords', () => {
    const { limit, wait } = setUp()
    for (let count = 0; count < 10; count++) assert.equal(limit.wrongToken('192.0.2.1'), undefined)
    assert.deepEqual(limit.wrongToken('192.0.2.1'), { allowed: false, retryAfter: 300 })
    assert.equal(limit.password('alice', '192.0.2.1').allowed, true)
    wait(300_000)
    assert.equal(limit.wrongToken('192.0.2.1'), undefined)
  })

  it('are forgotten when the clock is set back, instead of counting until it has caught up', () => {
    const { limit, wait } = setUp()
    fail(limit, 'alice', '192.0.2.1', 10)
    for (let count = 0; count < 10; count++) limit.wrongToken('192.0.2.1')
    wait(-YEAR)
    assert.equal(limit.wrongToken('192.0.2.1'), undefined)
    fail(limit, 'alice', '192.0.2.1', 10)
    assert.deepEqual(limit.password('alice', '192.0.2.1'), { allowed: false, retryAfter: 300 })
  })

  it('are told of once in five minutes for each who is kept out', () => {
    const told: unknown[] = []
    const { limit, wait } = setUp((burst) => told.push(burst))
    fail(limit, 'alice', '192.0.2.1', 10)
    assert.deepEqual(told, [], 'nobody is kept out yet')
    for (let count = 0; count < 5; count++) limit.password('alice', '192.0.2.1')
    assert.deepEqual(told, [{ user: 'alice', address: '192.0.2.1' }])
    limit.password('bob', '192.0.2.1')
    assert.equal(told.length, 1, 'the address is told of already')
    limit.password('alice', '192.0.2.2')
    assert.equal(told.length, 1, 'and so is the user')
    for (let count = 0; count < 12; count++) limit.wrongToken('192.0.2.1')
    assert.deepEqual(told.slice(1), [{ user: undefined, address: '192.0.2.1' }])
    wait(300_000)
    fail(limit, 'alice', '192.0.2.1', 10)
    limit.password('alice', '192.0.2.1')
    assert.equal(told.length, 3)
  })
})
