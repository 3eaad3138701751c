import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { IMPATIENT } from '../test/support/behind-upstream.ts'
import { flitCoreWheel } from '../test/support/python-projects.ts'
import { startWaxseal } from '../test/support/server.ts'
import { startSimulator } from '../test/support/upstream-simulator.ts'
import type { World } from './stage.ts'
import { simulated } from './stage.ts'
import { StolenKeys } from './stolen-keys.ts'

/** The names that belong to the company, whether or not anybody has published them. */
const PREFIX = 'corp'

/** What holds for names that nobody claimed: some need an approval, some are not to be had, all others are open. */
const UNCLAIMED = ['vetted-*=approve', 'unheard-*=deny']

/** An index with an upstream behind it that anybody may publish on, as PyPI is, and another index that signs with keys of its own. */
export async function startWorld(): Promise<World & AsyncDisposable> {
  await using parts = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-world-'))
  parts.defer(() => rm(folder, { recursive: true, force: true }))
  const upstream = parts.use(await startSimulator())
  const settings = Object.entries({ url: upstream.simpleUrl, ...IMPATIENT })
  const table = settings.map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`).join('')
  const config = join(folder, 'waxseal.toml')
  const names = `prefixes = ["${PREFIX}"]\n[names]\nunclaimed = ${JSON.stringify(UNCLAIMED)}\n`
  await writeFile(config, `${names}[upstream.public]\n${table}`)
  const server = parts.use(await startWaxseal({ args: ['--config', config] }))
  const other = parts.use(await startWaxseal())
  const stolen = parts.use(await StolenKeys.steal(server.dataDir))
  const flit = flitCoreWheel()
  if (flit !== undefined) upstream.addProject({ name: 'flit-core', files: [simulated(flit)] })
  const kept = parts.move()
  return { server, config, other, upstream, stolen, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}
