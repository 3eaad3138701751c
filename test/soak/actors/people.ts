import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildWheel } from '../../support/python-projects.ts'
import { wantedClients } from '../../support/clients.ts'
import { waxsealCommand } from '../../support/command.ts'
import { runWaxseal } from '../../support/server.ts'
import { verdictOn } from '../command-verdict.ts'
import type { Actor, Soak } from '../scene.ts'
import { count, moduleText, problem } from '../scene.ts'
import { put } from './uploads.ts'

const PIPS = wantedClients('pip').flatMap(({ client }) => client ?? [])

/** Installs with a real pip into an empty folder; what pip said when it failed. */
export async function pipInstall(soak: Soak, requirements: readonly string[]): Promise<string | undefined> {
  const pip = PIPS[soak.uploads.size % Math.max(1, PIPS.length)]
  if (pip === undefined) return undefined
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-soak-pip-'))
  try {
    const from = ['--index-url', `${soak.server.url}/simple/`, '--no-cache-dir', '--target', 'out']
    const { code, stderr } = await pip.run(['install', ...from, ...requirements], { cwd: folder })
    return code === 0 ? undefined : stderr
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Makes a release that needs one of the upstream's, and installs both with pip. */
const developer: Actor = {
  name: 'developer',
  every: 25_000,
  async act(soak, random) {
    const number = (soak.count += 1)
    const needed = buildWheel({ name: `needed-${number}`, version: '1.0', module: moduleText(random, 5000) })
    const release = { name: `app-${number}`, version: '1.0', requires: [needed.name] }
    const app = buildWheel(release)
    soak.upstream.addProject({ name: needed.name, files: [{ filename: needed.filename, bytes: needed.bytes }] })
    if (!(await put(soak, app))) return
    const failure = await pipInstall(soak, [app.name])
    count(soak, failure === undefined ? 'pip install done' : 'pip install failed')
    // The upstream may be out just now: then pip may say so, and nothing else may be wrong.
    // Somebody deletes releases meanwhile: pip may have read the page before.
    const expected = /50[234]|No matching distribution|Connection|410 .* was deleted from this index/
    if (failure !== undefined && !expected.test(failure)) problem(soak, failure)
    soak.upstream.removeProject(needed.name)
  },
}

/** What an administrator types beside the running server. */
const administrator: Actor = {
  name: 'administrator',
  every: 40_000,
  async act(soak, random) {
    const known = await knownCommands()
    const project = soak.recent[0]?.name ?? 'nothing'
    const backup = join(soak.server.dataDir, '..', 'backup')
    const words = random.pick(
      [
        ['token', 'create', '--user', `user-${random.below(5)}`, '--scope', 'read'],
        ['token', 'list'],
        ['user', 'list'],
        ['project', 'list'],
        ['why', project],
        ['status'],
        ['gc'],
        ['gc', '--dry-run'],
        ['backup', backup],
      ].filter(([first = '']) => known.has(first)),
    )
    const verdict = verdictOn(words, await waxsealCommand([...words, '--data', soak.server.dataDir, '--json']))
    if (verdict !== undefined) problem(soak, verdict)
    count(soak, `waxseal ${words[0]}`)
  },
}

let commands: Promise<ReadonlySet<string>> | undefined

/** The commands that this version has. */
function knownCommands(): Promise<ReadonlySet<string>> {
  commands ??= runWaxseal(['--help']).then(
    (help) => new Set([...help.matchAll(/^ {2}([a-z]+)/gm)].map(([, name = '']) => name)),
  )
  return commands
}

export const PEOPLE: readonly Actor[] = [...(PIPS.length === 0 ? [] : [developer]), administrator]
