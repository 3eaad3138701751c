import {
  DEFENCES,
  findTrust,
  GuardError,
  guardHome,
  openGuard,
  openLoopback,
  planChild,
  runProgram,
} from '@waxseal/guard'
import type { Defence } from './scenario.ts'
import { startRelay } from './relay.ts'

/**
 * `waxseal run` without one of its defences: `guard-process.ts DEFENCE -- CMD…`. It is here so that the product has no such switch.
 * One JSON document on standard output, as `waxseal run --json` prints it.
 */
const [without, , ...command] = process.argv.slice(2) as [Defence, '--', ...string[]]
const { env } = process

try {
  const home = guardHome(env)
  const defences = new Set(DEFENCES.filter((defence) => defence !== without))
  await using guard = await openGuard({ home, trusted: await findTrust(home, undefined), env, now: Date.now, defences })
  await using loopback = await openLoopback(guard, guard.trusted.url)
  await using relay = await startRelay(loopback.endpoint)
  const endpoint = without === 'rendering' ? relay.endpoint : loopback.endpoint
  const isUnread = without === 'options'
  const plan = await planChild({ command: isUnread ? ['true'] : command, env, cwd: process.cwd(), endpoint })
  await guard.refresh()
  const code = await runProgram({
    command: isUnread ? command : plan.command,
    env: environment(plan.env),
    cwd: process.cwd(),
    stdout: 'stderr',
  })
  await plan.finish(code)
  process.stdout.write(`${JSON.stringify({ exitCode: code, ...guard.document() })}\n`)
  process.exitCode = code
} catch (error) {
  if (!(error instanceof GuardError)) throw error
  process.stdout.write(`${JSON.stringify({ error: { code: error.code, message: error.message, ...error.data } })}\n`)
  process.exitCode = 1
}

function environment(planned: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  switch (without) {
    case 'clean-environment': {
      const { PIP_INDEX_URL } = planned
      return { ...env, PIP_INDEX_URL: env['PIP_INDEX_URL'] ?? PIP_INDEX_URL }
    }
    // What leads past any index would be refused at the port too.
    case 'direct-urls':
    case 'proxy':
      return Object.fromEntries(Object.entries(planned).filter(([name]) => !/_proxy$/i.test(name)))
    case 'rendering':
      // The guard's proxy refuses the relay as it refuses everything else.
      return { ...planned, NO_PROXY: '127.0.0.1', no_proxy: '127.0.0.1' }
    default:
      return planned
  }
}
