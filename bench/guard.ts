import { mkdtempDisposable, mkdir } from 'node:fs/promises'
import { readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { makeCertificate } from '../test/support/certificate.ts'
import type { Client } from '../test/support/clients.ts'
import { runScrubbed, wantedClients } from '../test/support/clients.ts'
import { startWaxseal } from '../test/support/server.ts'
import { startSimulator } from '../test/support/upstream-simulator.ts'
import { judge, median } from './figure.ts'
import type { Figure } from './figure.ts'
import { addRealShaped, PACKAGES } from './guard/real-shaped.ts'
import type { Application } from './guard/real-shaped.ts'
import { formatTable, withGuard } from './report.ts'

/**
 * What the guard costs whoever installs (design.md section 12): the newest pip, alone and behind `waxseal run`, installing 30 packages
 * from one index over TLS, each in turn, round after round: wheels with the contents of real ones, and the worst case, wheels of
 * one file each.
 *
 *     npm run bench:guard               the table on the terminal
 *     npm run bench:guard -- --write    and its section of docs/performance.md
 *     npm run bench:guard -- --quick    two rounds, for a first look
 */

const LAUNCHER = resolve(import.meta.dirname, '../packages/waxseal/bin/waxseal')
const DOCUMENT = join(import.meta.dirname, '../docs/performance.md')
const OVERHEAD_BAR = 1.1

/** What one run took, in seconds: of the clock, and of all processes' CPU. */
interface Taken {
  readonly wall: number
  readonly cpu: number
}

const { values } = parseArgs({
  options: { write: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false } },
})
if (values.write && values.quick) throw new Error('--write is for a full run')
const rounds = values.quick ? 2 : 10

/** Runs a command to its end, timed by the shell. */
async function timed(command: readonly string[], cwd: string, env: Readonly<Record<string, string>>): Promise<Taken> {
  const script = 'TIMEFORMAT="%R %U %S"; time "$@" >/dev/null 2>"$OUTPUT"'
  const output = join(cwd, 'output')
  const { code, stderr } = await runScrubbed(['/bin/bash', '-c', script, 'bash', ...command], '/usr/bin:/bin', {
    cwd,
    env: { NO_PROXY: '127.0.0.1', ...env, OUTPUT: output },
  })
  if (code !== 0) throw new Error(`${command.join(' ')} exited with ${code}:\n${readFileSync(output, 'utf8')}`)
  const [wall = 0, user = 0, system = 0] = stderr.trim().split(/\s+/).slice(-3).map(Number)
  return { wall, cpu: user + system }
}

async function measure(pip: Client): Promise<readonly Figure[]> {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'waxseal-bench-guard-'))
  const { certificate, key } = makeCertificate(folder.path, 'index')
  await using upstream = await startSimulator()
  process.stderr.write('building wheels …\n')
  const { real, fetching } = addRealShaped(upstream, pip.python)
  await using server = await startWaxseal({
    upstreams: new Map([['pypi', upstream.simpleUrl]]),
    env: { WAXSEAL_TLS_CERTIFICATE: certificate, WAXSEAL_TLS_KEY: key },
  })
  // Users have compiled the command before.
  const compiled = { NODE_COMPILE_CACHE: join(folder.path, 'compiled') }
  const env = { ...compiled, PIP_CERT: certificate, NODE_EXTRA_CA_CERTS: certificate, PIP_NO_WARN_SCRIPT_LOCATION: '1' }
  let runs = 0
  const install = async (
    app: Application,
    command: readonly string[],
    more: Readonly<Record<string, string>>,
  ): Promise<Taken> => {
    runs += 1
    const target = join(folder.path, `site-${runs}`)
    // Kept until the end: for a minute ext4 goes round inodes that were just freed, and files cost ten times as much.
    return await timed([...command, ...installing(pip, app, target)], folder.path, { ...env, ...more })
  }
  const bare = (app: Application, cache: string): Promise<Taken> =>
    install(app, [], { PIP_INDEX_URL: `${server.url}/simple/`, PIP_CACHE_DIR: join(folder.path, cache) })
  const guarded = (app: Application, home: string): Promise<Taken> =>
    install(app, [LAUNCHER, 'run', '--quiet', '--'], { WAXSEAL_GUARD_HOME: join(folder.path, home) })
  const newHome = async (home: string): Promise<void> => {
    await mkdir(join(folder.path, home))
    await timed([LAUNCHER, 'trust', 'add', server.url, '--yes'], folder.path, {
      ...env,
      WAXSEAL_GUARD_HOME: join(folder.path, home),
    })
  }
  /** Both ways, in turn: with nothing kept, and with all of it. */
  const compare = async (app: Application, what: string, max: number | undefined): Promise<readonly Figure[]> => {
    const size = `${PACKAGES} packages, ${(app.bytes / 1e6).toFixed(0)} MB, ${app.files.toLocaleString('en')} files`
    process.stderr.write(`${what}: ${size} …\n`)
    const own = app.name
    // The index has them before anything is measured, and both sides have been run.
    await bare(app, `${own}-bare`)
    await newHome(`${own}-home`)
    await guarded(app, `${own}-home`)
    const cold: [Taken, Taken][] = []
    const warm: [Taken, Taken][] = []
    for (let round = 0; round < rounds; round += 1) {
      process.stderr.write(`round ${round + 1} of ${rounds} …\n`)
      const [cache, home] = [`${own}-bare-${round}`, `${own}-home-${round}`]
      await newHome(home)
      const turn = async (one: () => Promise<Taken>, other: () => Promise<Taken>): Promise<[Taken, Taken]> => {
        if (round % 2 === 0) return [await one(), await other()]
        const second = await other()
        return [await one(), second]
      }
      cold.push(
        await turn(
          () => bare(app, cache),
          () => guarded(app, home),
        ),
      )
      warm.push(
        await turn(
          () => bare(app, `${own}-bare`),
          () => guarded(app, `${own}-home`),
        ),
      )
      process.stderr.write(`cold ${roundText(cold.at(-1))}, warm ${roundText(warm.at(-1))}\n`)
    }
    return [overhead(`${what}, ${size}, nothing kept`, cold, max), overhead(`${what}, ${size}, all kept`, warm, max)]
  }

  const figures = [
    ...(await compare(real, '`pip install`', OVERHEAD_BAR)),
    ...(await compare(fetching, 'fetching alone: one file a wheel, nothing compiled', undefined)),
  ]
  const home = { ...env, WAXSEAL_GUARD_HOME: join(folder.path, `${real.name}-home`) }
  const starts: [Taken, Taken][] = []
  for (let round = 0; round < rounds; round += 1) {
    const alone = await timed(['true'], folder.path, env)
    starts.push([alone, await timed([LAUNCHER, 'run', '--quiet', '--', 'true'], folder.path, home)])
  }
  return [
    ...figures,
    started(starts),
    await peak(installing(pip, fetching, join(folder.path, 'peak')), folder.path, home),
  ]
}

/** Into an empty folder, by pip's defaults. */
function installing(pip: Client, { name }: Application, target: string): readonly string[] {
  return [pip.python, '-m', 'pip', 'install', '--quiet', '--target', target, name]
}

function roundText(pair: readonly [Taken, Taken] | undefined): string {
  return pair === undefined
    ? ''
    : pair.map(({ wall, cpu }) => `${wall.toFixed(2)} s (CPU ${cpu.toFixed(2)})`).join(' and ')
}

function overhead(what: string, taken: readonly (readonly [Taken, Taken])[], max: number | undefined): Figure {
  const of = (side: 0 | 1, kind: keyof Taken): number => median(taken.map((pair) => pair[side][kind]))
  const ratio = median(taken.map(([bare, guarded]) => guarded.wall / bare.wall))
  return {
    what,
    ours: `${of(1, 'wall').toFixed(2)} s, CPU ${of(1, 'cpu').toFixed(2)} s`,
    beside: `pip ${of(0, 'wall').toFixed(2)} s, CPU ${of(0, 'cpu').toFixed(2)} s`,
    ...(max === undefined ? { ratio } : judge(ratio, max)),
  }
}

function started(taken: readonly (readonly [Taken, Taken])[]): Figure {
  const wall = median(taken.map(([, guarded]) => guarded.wall))
  const cpu = median(taken.map(([, guarded]) => guarded.cpu))
  const what = 'start of the guard: `waxseal run -- true`, refreshed'
  return { what, ours: `${(wall * 1000).toFixed(0)} ms, CPU ${(cpu * 1000).toFixed(0)} ms` }
}

/** The most memory that the guard itself took, while pip installed all of it: the program's parent tells. */
async function peak(
  installing: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
): Promise<Figure> {
  const script = `"$@" && grep VmHWM "/proc/$PPID/status"`
  const command = [LAUNCHER, 'run', '--quiet', '--', '/bin/sh', '-c', script, 'sh', ...installing]
  const { code, stdout, stderr } = await runScrubbed(command, '/usr/bin:/bin', {
    cwd,
    env: { NO_PROXY: '127.0.0.1', ...env },
  })
  const kilobytes = Number(/VmHWM:\s+(\d+)/.exec(stdout)?.[1])
  if (code !== 0 || Number.isNaN(kilobytes)) throw new Error(`no figure of memory:\n${stdout}${stderr}`)
  return {
    what: 'resident memory of the guard, its peak in such an install',
    ours: `${(kilobytes / 1024).toFixed(0)} MB`,
  }
}

const pip = wantedClients('pip').find(({ client }) => client?.generation === 'newest')?.client
if (pip === undefined) throw new Error('the newest pip is missing: node scripts/fetch-clients.ts --follow')
const figures = await measure(pip)
process.stdout.write(`${formatTable(figures).replaceAll('**', '')}\n`)
if (values.write) writeFileSync(DOCUMENT, withGuard(readFileSync(DOCUMENT, 'utf8'), figures, pip.version))
