import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ownerIn } from './peer-user.ts'

// As /proc/net/tcp has it; the header, one that listens, and the two ends of one connection.
const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:20E2 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 31337 1 0000000000000000 100 0 0 10 0
  12: 0100007F:BEEF 0100007F:20E2 01 00000000:00000000 00:00000000 00000000  1001        0 31338 1 0000000000000000 20 4 30 10 -1
  13: 0100007F:20E2 0100007F:BEEF 01 00000000:00000000 02:00000B1D 00000000  1000        0 31339 2 0000000000000000 20 4 30 10 -1
`

void test('CLI-3: the user of a socket is that of the program at its end, not of the guard', () => {
  assert.equal(ownerIn(TABLE, 0xbeef, 0x20e2), 1001)
  assert.equal(ownerIn(TABLE, 0x20e2, 0xbeef), 1000)
  assert.equal(ownerIn(TABLE, 0xbeee, 0x20e2), undefined)
  assert.equal(ownerIn(TABLE, 0x20e2, 0), 1000)
})
