import assert from 'node:assert/strict'
import { test } from 'node:test'
import { foldShards } from './fold-shards.ts'

const shard = (hh: string, key = 'abc') => ({
  role: `sealed-${hh}`,
  lines: [`sealed-${hh}: the key ${key} COMES.`, `It delegates to sealed-${hh}: names/${hh}/*, projects/${hh}/*/*.`],
})

void test('shards of which the same is said are said once, with where they begin and end', () => {
  const all = Array.from({ length: 256 }, (_, at) => shard(at.toString(16).padStart(2, '0')))
  assert.deepEqual(foldShards([{ role: 'deny', lines: ['deny: goes'] }, ...all, { role: 'bins', lines: ['bins'] }]), [
    'deny: goes',
    'The same 256 times, {hh} going from 00 to ff:',
    '  sealed-{hh}: the key abc COMES.',
    '  It delegates to sealed-{hh}: names/{hh}/*, projects/{hh}/*/*.',
    'bins',
  ])
})

void test('one that differs, one that is left out, and one of another kind stand alone: none hides among the others', () => {
  const foreign = { role: 'sealed-02', lines: [...shard('02').lines, 'It lists names/02/six.json: 3 bytes.'] }
  const elsewhere = { role: 'sealed-05', lines: shard('05').lines.map((line) => line.replace('/05/', '/06/')) }
  const folded = foldShards([shard('00'), shard('01'), foreign, shard('03'), shard('04'), elsewhere, shard('07')])
  assert.deepEqual(
    folded.filter((line) => line.startsWith('The same')),
    ['The same 2 times, {hh} going from 00 to 01:', 'The same 2 times, {hh} going from 03 to 04:'],
  )
  for (const line of [...foreign.lines, ...elsewhere.lines, ...shard('07').lines])
    assert.ok(folded.includes(line), line)
  const other = [shard('00'), { role: 'claimed-01', lines: shard('01').lines }]
  assert.deepEqual(
    foldShards(other),
    other.flatMap(({ lines }) => lines),
  )
})

void test('braces in what a target holds are shown as they are, and fold nothing', () => {
  const told = [
    { role: 'sealed-00', lines: ['"see /{hh}/"'] },
    { role: 'sealed-01', lines: ['"see /01/"'] },
    { role: 'sealed-02', lines: ['"see /02/"'] },
  ]
  assert.deepEqual(foldShards(told), ['"see /{hh}/"', 'The same 2 times, {hh} going from 01 to 02:', '  "see /{hh}/"'])
})
