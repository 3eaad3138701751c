import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { documentOf, type Run, waxsealCommand } from '../support/command.ts'
import { startWaxseal, type RunningServer } from '../support/server.ts'

let server: RunningServer
let folder: string
let env: NodeJS.ProcessEnv
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waxseal-doctor-command-'))
  server = await startWaxseal({ args: ['--no-upstream'] })
  env = {
    HOME: folder,
    XDG_CONFIG_HOME: join(folder, 'config'),
    WAXSEAL_GUARD_HOME: join(folder, 'guard'),
    PIP_CONFIG_FILE: join(folder, 'pip.conf'),
  }
  const added = await waxsealCommand(['trust', 'add', server.url, '--yes'], { env })
  assert.equal(added.code, 0, added.stderr)
})
after(async () => {
  await server?.stop()
  await rm(folder, { recursive: true, force: true })
})

const doctor = (...args: readonly string[]) => waxsealCommand(['doctor', '--client', ...args], { env, cwd: folder })

/** Codes of what was found in the folder of this test. */
const findingsHere = (run: Run): readonly string[] => {
  const { findings } = documentOf(run) as { findings: readonly { code: string; where: string }[] }
  return findings.filter(({ where }) => where.startsWith(folder)).map(({ code }) => code)
}

test('doctor --client is content with a pip that has the trusted index, and names what reaches another', async () => {
  await writeFile(join(folder, 'pip.conf'), `[global]\nindex-url = ${server.url}/simple/\n`)
  const well = await doctor('--json')
  assert.deepEqual(findingsHere(well), [])
  // This machine may have a configuration of its own.
  assert.equal(well.code, documentOf(well)['ok'] === true ? 0 : 1)
  await writeFile(join(folder, 'requirements.txt'), 'six\n--extra-index-url https://user:S3CRET@other.example/simple\n')
  const { code, stdout } = await doctor()
  assert.equal(code, 1)
  assert.match(
    stdout,
    /^error extra-index: \S+requirements\.txt:2: extra-index-url is https:\/\/other\.example\/simple$/m,
  )
  assert.match(stdout, /dependency confusion/)
  assert.doesNotMatch(stdout, /S3CRET/)
  const run = await doctor('--json', '--trust', server.url)
  assert.equal(run.code, 1)
  assert.deepEqual(findingsHere(run), ['extra-index'])
})

test('doctor --client needs to know which index is trusted', async () => {
  const { code, stderr } = await doctor('--trust', 'https://other.example')
  assert.equal(code, 1)
  assert.match(stderr, /trust add/)
})
