import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { startWaxseal } from '../support/server.ts'
import { machineTrusting } from './machine.ts'

test('waxseal run leaves the lock that was there where a signal ended the program that was writing it', async () => {
  await using server = await startWaxseal({ args: [] })
  await using machine = await machineTrusting(server.url)
  const pipenv = join(machine.folder, 'pipenv')
  writeFileSync(pipenv, '#!/bin/sh\nprintf half > "$PIPENV_PIPFILE.lock"\nkill -KILL $$\n', { mode: 0o755 })
  const pipfile = `[[source]]\nname = "x"\nurl = "${server.url}/simple/"\nverify_ssl = true\n\n[packages]\n`
  writeFileSync(join(machine.folder, 'Pipfile'), pipfile)
  const lock = join(machine.folder, 'Pipfile.lock')
  writeFileSync(lock, '{"_meta": {}}\n')
  const killed = await machine.waxseal(['run', '--', pipenv, 'lock'])
  assert.equal(killed.code, 137, killed.stderr)
  assert.equal(readFileSync(lock, 'utf8'), '{"_meta": {}}\n')
})
