import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { planChild } from './children/plan-child.ts'
import { runProgram } from './run-program.ts'

const ENDPOINT = {
  url: 'http://127.0.0.1:8400/secret',
  proxyUrl: 'http://127.0.0.1:8400',
  origin: 'https://packages.example',
}
const PIPFILE = '[[source]]\nname = "x"\nurl = "https://packages.example/simple/"\nverify_ssl = true\n\n[packages]\n'
const GOOD = '{"_meta": {"sources": []}}\n'

for (const [title, end] of [
  ['a signal ends', 'kill -KILL $$'],
  ['a program ends that saw a signal end its own', "sh -c 'kill -KILL $$'; exit $?"],
] as const) {
  test(`${title}: the half lock that it wrote takes no place`, async () => {
    const cwd = mkdtempSync(join(tmpdir(), 'waxseal-run-program-'))
    try {
      const pipenv = join(cwd, 'pipenv')
      writeFileSync(pipenv, `#!/bin/sh\nprintf '{"_meta": {"ha' > "$PIPENV_PIPFILE.lock"\n${end}\n`, { mode: 0o755 })
      writeFileSync(join(cwd, 'Pipfile'), PIPFILE)
      writeFileSync(join(cwd, 'Pipfile.lock'), GOOD)
      const plan = await planChild({
        command: [pipenv, 'lock'],
        env: { PATH: '/usr/bin:/bin', HOME: cwd },
        cwd,
        endpoint: ENDPOINT,
      })
      const code = await runProgram({ command: plan.command, env: plan.env, cwd, stdout: 'inherit' })
      assert.equal(code, 137)
      assert.deepEqual(await plan.finish(code), [])
      assert.equal(readFileSync(join(cwd, 'Pipfile.lock'), 'utf8'), GOOD)
      assert.deepEqual(readdirSync(cwd).toSorted(), ['Pipfile', 'Pipfile.lock', 'pipenv'])
    } finally {
      rmSync(cwd, { recursive: true })
    }
  })
}
