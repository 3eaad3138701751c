import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runWaxseal, startWaxseal } from '../../test/support/server.ts'
import { startSimulator } from '../../test/support/upstream-simulator.ts'
import type { IndexScenario } from '../index-scenario.ts'

export const scenario: IndexScenario = {
  id: 'DC-17-told',
  title: 'a name of the company that somebody takes elsewhere, and nobody hears of it',
  capability: 'UPS',
  means: 'publishes under the same name',
  async play(scene) {
    const upstream = scene.use(await startSimulator())
    const config = join(scene.folder, 'waxseal.toml')
    const sentinel = scene.isOpen ? '[sentinel]\nexcept = ["public"]\n' : ''
    await writeFile(config, `${sentinel}[upstream.public]\nurl = ${JSON.stringify(upstream.simpleUrl)}\n`)
    const server = await startWaxseal({ args: ['--config', config] })
    scene.move(server)
    const name = scene.name('billing')
    await scene.administer('POST', `/projects/${name}/claim`)
    upstream.listNames([name])
    await runWaxseal(['sentinel', 'run', '--data', server.dataDir, '--config', config])
    const { events } = (await scene.act(scene.administrator, 'GET', `/events?project=${name}&limit=100`)) as {
      readonly events: readonly { readonly kind: string }[]
    }
    return { code: events.find(({ kind }) => kind.startsWith('upstream-'))?.kind, through: 'events' }
  },
  refused: 'upstream-collision',
  opened: 'the sentinel is told to leave the upstream out',
}
