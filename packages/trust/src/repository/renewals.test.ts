import assert from 'node:assert/strict'
import { test } from 'node:test'
import { binName } from '../succinct-bins.ts'
import { expiryOf, dueRoles, expiries } from './renewals.ts'
import { layoutOf } from './role-layout.ts'
import { DAY, HOUR, SampleRepository, sampleTable, START } from './testing/sample-repository.ts'

void test('16,384 bins that were signed in one minute fall due evenly over sixty days, each with thirty left', () => {
  const layout = layoutOf(sampleTable(14))
  const bins = { bitLength: 14, namePrefix: 'bin' }
  for (const signed of [START, START + 12_345_678]) {
    const perDay = new Map<number, number>()
    for (let number = 0; number < 2 ** 14; number += 1) {
      const left = expiryOf(layout, binName(bins, number), signed) - signed
      assert.ok(left > 30 * DAY - 1000 && left <= 90 * DAY)
      const day = Math.ceil((left - 30 * DAY) / DAY)
      perDay.set(day, (perDay.get(day) ?? 0) + 1)
    }
    assert.equal(perDay.size, 60)
    for (const [day, count] of perDay) assert.ok(count >= 272 && count <= 275, `day ${day}: ${count}`)
  }
})

void test('a server that renews what is due never lets a role expire, and signs a few a day', async () => {
  const sample = await SampleRepository.create(sampleTable(6))
  const renewed = new Map<string, number>()
  for (let day = 1; day <= 130; day += 1) {
    const now = START + day * DAY
    const due = dueRoles(sample.state, now, 8)
    assert.ok(due.timestamp)
    assert.ok(due.roles.length <= 4, `${due.roles.length} on one day`)
    for (const role of due.roles) renewed.set(role, (renewed.get(role) ?? 0) + 1)
    if (due.roles.length > 0 || due.snapshot) await sample.publish({ renew: due.roles }, { now })
    const online = expiries(sample.state, now).filter((role) => role.online && role.role !== 'timestamp')
    assert.ok(online.every(({ urgency }) => urgency === 'fresh' || urgency === 'due'))
  }
  const { roles } = sample.verify()
  for (const role of roles.keys()) if (role.startsWith('bin-')) assert.ok((renewed.get(role) ?? 0) >= 2, role)
})

void test('no more roles than asked for are renewed at once, the most urgent first', async () => {
  const sample = await SampleRepository.create(sampleTable(6))
  const late = START + 80 * DAY
  const all = dueRoles(sample.state, late, 1000).roles
  assert.ok(all.length >= 64)
  assert.deepEqual(dueRoles(sample.state, late, 5).roles, all.slice(0, 5))
})

void test('the timestamp is due after an hour, the snapshot by its own life, offline roles never by themselves', async () => {
  const sample = await SampleRepository.create()
  assert.deepEqual(dueRoles(sample.state, START + HOUR - 1000), { roles: [], snapshot: false, timestamp: false })
  assert.equal(dueRoles(sample.state, START + HOUR).timestamp, true)
  assert.equal(dueRoles(sample.state, START + 4 * DAY).snapshot, true)
  const due = dueRoles(sample.state, START + 400 * DAY, 1000).roles
  assert.ok(due.includes('deny') && !due.includes('targets') && !due.includes('sealed-3f') && !due.includes('bins'))
})

void test('EXPIRE-OUT: an offline role is an alarm at two thirds of its life, an online one when it should long have been renewed', async () => {
  const sample = await SampleRepository.create()
  const urgency = (role: string, now: number) => expiries(sample.state, now).find((one) => one.role === role)?.urgency
  const year = 365 * DAY
  assert.equal(urgency('root', START + 241 * DAY), 'due')
  for (const role of ['root', 'targets', 'sealed-3f', 'bins']) {
    assert.equal(urgency(role, START + 200 * DAY), 'fresh')
    assert.equal(urgency(role, START + (year * 2) / 3 + 1000), 'alarm')
    assert.equal(urgency(role, START + year), 'expired')
  }
  assert.equal(urgency('timestamp', START + 2 * HOUR), 'due')
  assert.equal(urgency('timestamp', START + 20 * HOUR), 'alarm')
  const listed = expiries(sample.state, START).map(({ role }) => role)
  assert.equal(listed.filter((role) => role.startsWith('bin-')).length, 1)
  assert.equal(listed[0], 'timestamp')
})
