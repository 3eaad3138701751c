import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { outsideRequests, wantedClients } from '../test/support/clients.ts'
import type { Entry } from './catalogue.ts'
import { isOnIndex, loadCatalogue } from './catalogue.ts'
import { playOnIndex } from './play-index.ts'
import type { Clients, Outcome } from './play.ts'
import { partsOf, playPart } from './play.ts'
import { attacksPage, linesMissing } from './table.ts'
import type { Row } from './table.ts'
import { startWorld } from './world.ts'

/** `npm run attacks [-- --check] [-- ID…]`: plays the catalogue; writes docs/attacks.md, or holds it against what was played. */
const PAGE = join(import.meta.dirname, '../docs/attacks.md')
/** Runs at the same time: as many as the smallest machine has cores. */
const AT_A_TIME = 2

const flags = process.argv.slice(2).filter((argument) => argument.startsWith('--'))
const only = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))

const started = performance.now()
const entries = (await loadCatalogue()).filter(({ scenario }) => only.length === 0 || only.includes(scenario.id))
const { rows, problems } = await playAll(entries, findClients())
for (const request of outsideRequests()) problems.push(`a client left loopback: ${request}`)

const page = attacksPage(rows, findClients())
if (only.length > 0) process.stdout.write(page)
else if (flags.includes('--check')) {
  const written = readFileSync(PAGE, 'utf8')
  for (const line of linesMissing(page, written)) problems.push(`docs/attacks.md lacks what was played: ${line}`)
  for (const line of linesMissing(written, page)) problems.push(`docs/attacks.md has what was not played: ${line}`)
} else writeFileSync(PAGE, page)

for (const problem of problems) process.stderr.write(`${problem}\n`)
process.stderr.write(`${rows.length} scenarios in ${Math.round((performance.now() - started) / 1000)} s\n`)
process.exitCode = problems.length > 0 ? 1 : 0

/** What can be played at the same time as others. */
interface Task {
  readonly what: string
  readonly play: () => Promise<Outcome>
}

/** Both pips and twine, or an end that says how to get them. */
function findClients(): Clients {
  const found = wantedClients('pip').flatMap(({ client }) => client ?? [])
  const newest = found.find(({ generation }) => generation === 'newest')
  const bookworm = found.find(({ generation }) => generation === 'bookworm')
  const twine = wantedClients('twine').find(({ client }) => client?.generation === 'newest')?.client
  if (newest === undefined || bookworm === undefined || twine === undefined) {
    throw new Error(
      'Both pips and the newest twine are needed: .ci/run installs the one, `node scripts/fetch-clients.ts` fetches the others.',
    )
  }
  return { newest, bookworm, twine }
}

async function playAll(
  entries: readonly Entry[],
  clients: Clients,
): Promise<{ readonly rows: readonly Row[]; readonly problems: string[] }> {
  await using world = await startWorld()
  const rows = entries.map(({ group, scenario }) => ({ group, scenario, cells: new Map<string, string>() }))
  const waiting = rows.flatMap(({ scenario, cells }): readonly Task[] =>
    isOnIndex(scenario)
      ? [
          {
            what: scenario.id,
            play: async () => {
              const { problem, ...outcome } = await playOnIndex(scenario, world, clients.twine)
              for (const [cell, text] of Object.entries(outcome)) cells.set(cell, text)
              return { text: `${outcome.index}; ${outcome.opened}`, problem }
            },
          },
        ]
      : partsOf(scenario, clients).map((part) => ({
          what: `${scenario.id}, ${part.cell ?? `guard without ${part.player.without}`}`,
          play: async () => {
            const outcome = await playPart(scenario, part, world)
            if (part.cell !== undefined) cells.set(part.cell, outcome.text)
            return outcome
          },
        })),
  )
  const problems: string[] = []
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { what, play } = next
      const began = performance.now()
      try {
        const { text, problem } = await play()
        if (problem !== undefined) problems.push(`${what}: ${problem} (${text})`)
        process.stderr.write(`${what}: ${text} (${((performance.now() - began) / 1000).toFixed(1)} s)\n`)
      } catch (error) {
        problems.push(`${what}: ${error instanceof Error ? error.stack : String(error)}`)
      }
    }
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, work))
  return { rows, problems }
}
