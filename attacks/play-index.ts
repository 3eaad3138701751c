import type { Client } from '../test/support/clients.ts'
import type { IndexScenario } from './index-scenario.ts'
import { nextRun } from './play.ts'
import type { Answered } from './scene.ts'
import { Scene } from './scene.ts'
import type { World } from './stage.ts'

/** The cells of an attack on the index, and why they are not what they should be. */
export interface IndexOutcome {
  readonly through: string
  readonly index: string
  readonly opened: string
  readonly problem: string | undefined
}

/** Plays an attack on the index as it is, and then without the one rule that it is about. */
export async function playOnIndex(scenario: IndexScenario, world: World, twine: Client): Promise<IndexOutcome> {
  const play = async (isOpen: boolean): Promise<Answered> => {
    await using scene = await Scene.set(world, twine, { run: nextRun(), isOpen })
    return await scenario.play(scene)
  }
  const { refused, opened } = scenario
  const closed = await play(false)
  const open = opened === undefined ? undefined : await play(true)
  const problems = [
    ...(closed.code === refused ? [] : [`should be refused with ${refused}`]),
    ...(open === undefined || open.code === undefined ? [] : ['holds without its rule: the scenario shows nothing']),
  ]
  return {
    through: closed.through,
    index: verdict(closed),
    opened: open === undefined ? '–' : `${verdict(open)}: ${opened}`,
    problem: problems.length === 0 ? undefined : problems.join('; '),
  }
}

function verdict({ code }: Answered): string {
  return code === undefined ? 'falls' : `holds: ${code}`
}
