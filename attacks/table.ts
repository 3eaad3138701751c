import type { Group } from './catalogue.ts'
import { GROUPS, isOnIndex } from './catalogue.ts'
import type { Clients } from './play.ts'
import type { IndexScenario } from './index-scenario.ts'
import type { Scenario } from './scenario.ts'

export interface Row {
  readonly group: Group
  readonly scenario: Scenario | IndexScenario
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
    const installed = own.filter(({ scenario }) => !isOnIndex(scenario))
    const asked = own.filter(({ scenario }) => isOnIndex(scenario))
    return [
      `## ${GROUPS[group]}`,
      '',
      ...tableOf(head, installed, ({ cells }) => [
        cells.get('bare newest') ?? NONE,
        cells.get('bare bookworm') ?? NONE,
        both(cells.get('two newest'), newest.version, cells.get('two bookworm'), bookworm.version),
        cells.get('guard') ?? NONE,
      ]),
      ...tableOf(INDEX_HEAD, asked, ({ cells }) => INDEX_CELLS.map((cell) => cells.get(cell) ?? NONE)),
    ]
  })
  return `${INTRODUCTION}\n${sections.join('\n')}\n${NOT_PLAYED}`
}

/** The table of these rows, if there are any. */
function tableOf(
  head: readonly string[],
  rows: readonly Row[],
  played: (row: Row) => readonly string[],
): readonly string[] {
  if (rows.length === 0) return []
  return [
    line(head),
    line(head.map(() => '---')),
    ...rows.map((row) => {
      const { id, title, capability, means } = row.scenario
      return line([`\`${id}\``, title, `${capability}: ${means}`, ...played(row)])
    }),
    '',
  ]
}

/** The lines of a page that another one does not have, whatever versions of pip the two were written with. */
export function linesMissing(page: string, other: string): readonly string[] {
  const known = new Set(withoutVersions(other).split('\n'))
  return withoutVersions(page)
    .split('\n')
    .filter((line) => !known.has(line))
}

function withoutVersions(page: string): string {
  const versions = new Set([...page.matchAll(/bare pip ([\d.]+)/g)].map(([, version = '']) => version))
  return [...versions].reduce((text, version, at) => text.replaceAll(version, `version ${at}`), page)
}

const NONE = '–'

/** What a run of an attack on the index writes, besides what all rows have. */
const INDEX_CELLS = ['through', 'index', 'opened']
const INDEX_HEAD = ['id', 'attack', 'means', 'through', 'the index', 'without that']

const INTRODUCTION = `# Attacks

Each row was played: real pip processes, a real \`waxseal serve\`, and an attacking proxy between the two, or a server whose online keys the attacker holds. Every cell was written by the run (\`npm run attacks\`), none by hand. The scenarios, a file each, are in \`attacks/\`.

- *falls*: the attacker got what the attack is for. *holds*: nothing of the attacker's was installed, locked or run, and where pip was refused the environment is as it was. Before a semicolon stand the guard's own codes, with the reason where a signature did not hold.
- Behind the guard each scenario was played twice: as a user has it, and with a guard that lacks the one defence which it is about. Where both came to the same, the scenario shows nothing, and the run fails. Two kinds of rows have no such defence: those that fall, which are the limits that [Trust](trust.md) lists, and those where the index itself is the defence.
- Before the colon under *means* stands what the attacker holds: NET the network, MIR a mirror, CDN or cache, SRV the index with keys that it signs with, UPL the right to upload, TOK somebody else's token, UPS a project of an upstream, UPX an upstream index, INS the rights of an administrator, CLI a part of the client's configuration, FLT nothing: a fault.
- With two indexes, the second is the attacker's; behind the guard pip is configured as badly.
- Where nobody installs, the attack is on the index itself: with twine, or with its API. It was played twice too: as the index has it, with the code that it refused with, and where the last column says how the one rule was left out; a dash: nobody can leave it out.
`

/** What of these groups no scenario plays, and why. */
const NOT_PLAYED = `## Not played

Of dependency confusion, new names, and credentials:

| id | why |
| --- | --- |
| \`NAME-IMP\` | The index does not compare what files install with the names of other projects: two wheels that install one path are not told apart before an install. |
| \`NAME-DOM\` | Accounts have no e-mail address, and no password is reset by one: an administrator sets a new one. |
| \`NAME-STAR\` | No page of the index shows the addresses of a project as verified, nor counts stars. |
| \`OIDC-1\`, \`OIDC-2\`, \`OIDC-3\` | There is no trusted publishing: uploads need a token of the index. |
| \`ORG-1\` | There are no invitations: administrators alone put users into teams. |
| \`PHISH\` | A password that was phished is a password: there is no second factor to be had yet. |
| \`CSRF\`, \`CLICK\` | No browser is signed in: there are no cookies, and no page changes anything. |

What takes an upstream, a clock or a team over days is shown by tests, which name the attack:

| id | attack | test |
| --- | --- | --- |
| \`UPS-REPL\` | an upstream replaces a file under its name | \`test/faults/changing-upstream.test.ts\` |
| \`UPS-DEL\` | an upstream deletes a file that locks name | \`test/faults/changing-upstream.test.ts\` |
| \`UPS-OPEN\` | a file that joins an old release | \`packages/index/src/releases/accept-upload.test.ts\` |
| \`IDX-REPL\` | the index gives out other bytes than before | \`packages/guard/src/page-rules.test.ts\` |
| \`YANK-1\` | a lock that names what was yanked | \`test/clients/pip.test.ts\` |
| \`COOL-1\`, \`COOL-2\`, \`COOL-3\` | a new file with an upload time of long ago, without one, or named by a lock | \`test/conformance/cooldown.test.ts\` |
| \`COOL-4\` | an urgent fix that is too young | \`test/conformance/cooldown.test.ts\` |
| \`COOL-5\` | an older version in silence, where the newest is too young | \`test/clients/withheld.test.ts\` |
| \`QUAR-1\` | somebody who has others' projects quarantined | \`test/conformance/overlays.test.ts\` |
| \`DEL-INT\` | a deleted name that falls to an upstream | \`test/conformance/names.test.ts\` |
| \`EXPIRE-OUT\` | offline signatures that end while their holders are away | \`packages/trust/src/repository/renewals.test.ts\` |
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
