import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { onePiece } from '../blobs/one-piece.ts'
import { readTarFile, writeTarFile } from './tar-file.ts'

/** Below, at and across what a file is read in (64 KiB) and what the decoder keeps (1 MiB). */
const SIZES = [700, 80, 150_000, 0, 65_536, 3_000_000, 1, 1_048_576, 66_000, 512]

/** What a reader does with a member: passes it by, leaves in its midst, or reads all of it. */
type Reading = 'pass' | 'leave' | 'read'

const content = (at: number, size: number): Buffer => Buffer.alloc(size, `member ${at} `)

async function read(path: string, readingOf: (at: number) => Reading): Promise<readonly string[]> {
  const names: string[] = []
  for await (const { name, size, bytes } of readTarFile(path)) {
    const at = names.push(name) - 1
    assert.equal(size, SIZES[at])
    const reading = readingOf(at)
    if (reading === 'pass') continue
    const pieces: Uint8Array[] = []
    for await (const piece of bytes) {
      pieces.push(piece)
      if (reading === 'leave') break
    }
    if (reading === 'read') assert.ok(Buffer.concat(pieces).equals(content(at, size)), name)
  }
  return names
}

void test('a tar file is read to its end, whichever members are read, left or passed by', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-tar-'))
  t.after(() => rm(folder, { recursive: true }))
  const path = join(folder, 'members.tar')
  const members = SIZES.map((size, at) => ({ name: `m${at}`, size, bytes: onePiece(content(at, size)) }))
  await writeTarFile(
    path,
    new Date(0),
    (async function* () {
      yield* members
    })(),
  )
  const names = members.map(({ name }) => name)
  for (const others of ['pass', 'leave', 'read'] as const) {
    for (const one of ['pass', 'leave', 'read'] as const) {
      for (const at of SIZES.keys()) {
        const found = await read(path, (member) => (member === at ? one : others))
        assert.deepEqual(found, names, `${one} at ${at}, ${others} elsewhere`)
      }
    }
  }
})
