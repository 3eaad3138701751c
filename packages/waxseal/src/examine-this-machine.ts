import { homedir } from 'node:os'
import { join } from 'node:path'
import { examineClients } from '@waxseal/guard'
import { readIfThere } from '@waxseal/trust'
import { EXIT_REFUSED } from './exit-codes.ts'
import { findingLines } from './finding-lines.ts'
import { trustedIndex } from './guarding.ts'
import type { Output } from './output.ts'
import { counted, printResult } from './output.ts'

/** `waxseal doctor --client`: which configuration of this user and of the project here reaches another index. */
export async function examineThisMachine(trust: string | undefined, output: Output): Promise<void> {
  const { trusted } = await trustedIndex(trust)
  const secret = await readIfThere(join(trusted.folder, 'guard-password'))
  const findings = await examineClients({
    env: process.env,
    home: homedir(),
    platform: process.platform,
    cwd: process.cwd(),
    trusted: {
      url: trusted.url,
      guardSecret: secret === undefined ? undefined : Buffer.from(secret).toString('utf8').trim(),
    },
  })
  const errors = findings.filter(({ severity }) => severity === 'error').length
  printResult(output, { index: trusted.url, ok: errors === 0, findings }, [
    ...findings.flatMap(findingLines),
    errors === 0
      ? `No configuration here reaches another index than ${trusted.url}.`
      : `${counted(errors, 'setting')} here may reach another index than ${trusted.url}.`,
  ])
  if (errors > 0) process.exitCode = EXIT_REFUSED
}
