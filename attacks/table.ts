import type { Group } from './catalogue.ts'
import { GROUPS } from './catalogue.ts'
import type { Clients } from './play.ts'
import type { Scenario } from './scenario.ts'

export interface Row {
  readonly group: Group
  readonly scenario: Scenario
  /** By column and generation: `bare newest`. */
  readonly cells: Map<string, string>
}

/** The page that a run writes. */
export function attacksPage(rows: readonly Row[], { newest, bookworm }: Clients): string {
  const head = [
    'id',
    'attack',
    'means',
    `bare pip ${newest.version}`,
    `bare pip ${bookworm.version}`,
    'pip with two indexes',
    'pip behind the guard',
  ]
  const sections = (Object.keys(GROUPS) as Group[]).flatMap((group) => {
    const own = rows.filter((row) => row.group === group)
    if (own.length === 0) return []
    return [
      `## ${GROUPS[group]}`,
      '',
      line(head),
      line(head.map(() => '---')),
      ...own.map(({ scenario, cells }) =>
        line([
          `\`${scenario.id}\``,
          scenario.title,
          `${scenario.capability}: ${scenario.means}`,
          cells.get('bare newest') ?? NONE,
          cells.get('bare bookworm') ?? NONE,
          both(cells.get('two newest'), newest.version, cells.get('two bookworm'), bookworm.version),
          cells.get('guard') ?? NONE,
        ]),
      ),
      '',
    ]
  })
  return `${INTRODUCTION}\n${sections.join('\n')}`
}

/** Whether two pages differ in nothing but the versions of pip that they were written with. */
export function saysTheSame(one: string, other: string): boolean {
  return withoutVersions(one) === withoutVersions(other)
}

function withoutVersions(page: string): string {
  const versions = new Set([...page.matchAll(/bare pip ([\d.]+)/g)].map(([, version = '']) => version))
  return [...versions].reduce((text, version, at) => text.replaceAll(version, `version ${at}`), page)
}

const NONE = '–'

const INTRODUCTION = `# Attacks

Each row was played: real pip processes, a real \`waxseal serve\`, and an attacking proxy between the two, or a server whose online keys the attacker holds. Every cell was written by the run (\`npm run attacks\`), none by hand. The scenarios, a file each, are in \`attacks/\`.

- *falls*: the attacker got what the attack is for. *holds*: nothing of the attacker's was installed, locked or run, and where pip was refused the environment is as it was. Before a semicolon stand the guard's own codes, with the reason where a signature did not hold.
- Behind the guard each scenario was played twice: as a user has it, and with a guard that lacks the one defence which it is about. Where both came to the same, the scenario shows nothing, and the run fails. Two kinds of rows have no such defence: those that fall, which are the limits that [Trust](trust.md) lists, and those where the index itself is the defence.
- Before the colon under *means* stands what the attacker holds: NET the network, MIR a mirror, CDN or cache, SRV the index with keys that it signs with, UPL the right to upload, UPS a project of an upstream, UPX an upstream index, CLI a part of the client's configuration, FLT nothing: a fault.
- With two indexes, the second is the attacker's; behind the guard pip is configured as badly.
`

function both(
  newest: string | undefined,
  newestVersion: string,
  bookworm: string | undefined,
  bookwormVersion: string,
): string {
  if (newest === undefined) return NONE
  if (bookworm === undefined || bookworm === newest) return newest
  return `${newestVersion}: ${newest}; ${bookwormVersion}: ${bookworm}`
}

function line(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}
