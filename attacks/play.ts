import type { Client } from '../test/support/clients.ts'
import type { Attempt } from './attempt.ts'
import type { Column, Scenario } from './scenario.ts'
import type { World } from './stage.ts'
import { Stage } from './stage.ts'
import type { Player } from './user.ts'
import type { Verdict } from './verdict.ts'
import { verdictOn } from './verdict.ts'

/** The clients that a scenario is played with. */
export interface Clients {
  readonly newest: Client
  readonly bookworm: Client
  /** What uploads. */
  readonly twine: Client
}

/** A run of one scenario by one player. */
export interface Part {
  /** The cell that it writes; undefined: it writes none, and shows that the scenario falls without its defence. */
  readonly cell: string | undefined
  readonly player: Player
}

/** What a run came to, and why that is not what it should be. */
export interface Outcome {
  readonly text: string
  readonly problem: string | undefined
}

let runs = 0

/** A number that no other run has. */
export function nextRun(): number {
  return (runs += 1)
}

/** The parts of a scenario: what can be played at the same time. */
export function partsOf(
  { newestOnly = false, columns = ['bare', 'guard'], guard }: Scenario,
  clients: Clients,
): readonly Part[] {
  const { newest, bookworm } = clients
  const pips = newestOnly ? [newest] : [newest, bookworm]
  const second = columns.includes('two')
  return columns.flatMap((column: Column): readonly Part[] => {
    if (column !== 'guard') return pips.map((pip) => ({ cell: `${column} ${pip.generation}`, player: { column, pip } }))
    const player: Player = { column, pip: newest, second }
    const without = 'defence' in guard ? [{ cell: undefined, player: { ...player, without: guard.defence } }] : []
    return [{ cell: 'guard', player }, ...without]
  })
}

/** Plays one part, and says what it came to. */
export async function playPart(scenario: Scenario, { player, cell }: Part, world: World): Promise<Outcome> {
  await using stage = await Stage.set(world, player, nextRun())
  const attempt = await scenario.play(stage)
  const verdict = verdictOn(attempt, scenario, (text) => stage.plain(text))
  const problem = player.column === 'guard' ? problemWith(scenario, attempt, verdict, cell === undefined) : undefined
  if (process.env['ATTACKS_VERBOSE'] !== undefined) process.stderr.write(`--- ${verdict.text}\n${attempt.output}\n`)
  return { text: verdict.text, problem }
}

/** What is not as the scenario says; `isOff`: its defence was left out, and it must not be as it says. */
function problemWith({ guard }: Scenario, attempt: Attempt, verdict: Verdict, isOff: boolean): string | undefined {
  if ('remains' in guard) return verdict.fell ? undefined : 'holds, and is said not to'
  const isHeld = !verdict.fell && meets(attempt, guard.holds)
  if (isOff)
    return isHeld ? `holds without ${'defence' in guard ? guard.defence : ''}: the scenario shows nothing` : undefined
  if (!isHeld) return `should come to ${guard.holds}`
  if (attempt.code !== 0 && !attempt.untouched) return 'refuses, and leaves something in the environment'
  if (attempt.planted.length > 0) return `keeps what the attacker made: ${attempt.planted.join(', ')}`
  return undefined
}

function meets({ guard, code }: Attempt, holds: string): boolean {
  switch (holds) {
    case 'index':
      return true
    case 'installs':
      return code === 0
    case 'nothing':
      return code !== 0 && guard?.started === true
    default:
      return guard?.codes.some((each) => each.split(' ')[0] === holds) ?? false
  }
}
