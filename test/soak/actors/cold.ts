import { setTimeout as delay } from 'node:timers/promises'
import { addressOf } from '../../support/behind-upstream.ts'
import { buildWheel } from '../../support/python-projects.ts'
import { ask } from '../../support/raw-http.ts'
import type { Seeded } from '../../support/seeded.ts'
import { sha256Of } from '../../support/upstream-simulator.ts'
import type { Fault, Simulator } from '../../support/upstream-simulator.ts'
import type { Actor, ColdProject, Soak } from '../scene.ts'
import { count, moduleText, problem, randomSize, remember } from '../scene.ts'

/** Projects that the upstream still has; older ones are taken off it, as happens. */
const UPSTREAM_PROJECTS = 100
/** How many of the newest are read again, some of them gone from the upstream by then. */
const REMEMBERED = 120

/** How a project misbehaves stands in its name, so that one rule for each kind is enough. */
const WAYS: ReadonlyMap<string, Fault> = new Map([
  ['page-error', { kind: 'status', status: 500 }],
  ['page-hang', { kind: 'hang' }],
  ['page-garbage', { kind: 'garbage' }],
  ['page-cut', { kind: 'truncate', afterBytes: 50 }],
  ['page-loop', { kind: 'redirect-loop' }],
  ['page-bomb', { kind: 'gzip-bomb', bytes: 40_000_000 }],
  ['page-portal', { kind: 'html-error' }],
  ['file-cut', { kind: 'truncate', afterBytes: 700 }],
  ['file-wrong', { kind: 'change-bytes' }],
  ['file-longer', { kind: 'lying-length', by: 100 }],
  ['file-stall', { kind: 'stall', afterBytes: 500 }],
  ['file-close', { kind: 'close' }],
  ['file-error', { kind: 'status', status: 503 }],
  ['file-endless', { kind: 'endless' }],
  ['file-drip', { kind: 'drip', everyMs: 100 }],
])

/** Every rule, and on top of them one for everything while the upstream is out. */
export function setWeather(upstream: Simulator, outage?: Fault): void {
  upstream.clearFaults()
  for (const [way, fault] of WAYS) {
    const where = way.startsWith('page') ? '/simple/' : '/files/'
    upstream.setFault(new RegExp(`^${where}cold-\\d+-${way}/.*`), fault)
  }
  if (outage !== undefined) upstream.setFault('/', outage)
}

/** A new name of the upstream; two of three behave. */
export function newCold(soak: Soak, random: Seeded): ColdProject {
  const way = random.below(3) > 0 ? 'fine' : random.pick([...WAYS.keys()])
  const name = `cold-${(soak.count += 1)}-${way}`
  const wheel = buildWheel({ name, version: '1.0', module: moduleText(random, randomSize(random)) })
  const { filename, bytes, metadata } = wheel
  const file = { filename, bytes, ...(random.below(2) === 0 ? { metadata: Buffer.from(metadata) } : {}) }
  const more = random.below(30) === 0 ? 300 : random.below(5)
  const others = Array.from({ length: more }, (_, at) => ({
    filename: filename.replace('-1.0-', `-0.${at}-`),
    bytes: Buffer.from(`${name} ${at}`),
  }))
  soak.upstream.addProject({ name, files: [file, ...others] })
  const project = { name, way, file, gone: false }
  remember(soak.cold, project, REMEMBERED)
  const gone = soak.cold.at(-UPSTREAM_PROJECTS)
  if (gone !== undefined) {
    gone.gone = true
    soak.upstream.removeProject(gone.name)
  }
  soak.upstream.clearRequests()
  return project
}

/** Asks for a name nobody asked for before, then with others at once for its file. */
const explorer: Actor = {
  name: 'explorer',
  every: 1500,
  async act(soak, random) {
    const project = random.below(4) === 0 ? soak.cold[random.below(soak.cold.length)] : undefined
    const asked = project ?? newCold(soak, random)
    const { name, file, way } = asked
    const page = await ask(`${soak.server.url}/simple/${name}/`)
    count(soak, `cold page ${page.status}`)
    // A name that was taken off the upstream before anybody asked for it is absent; one that it has never is.
    const absent = page.status === 404 && asked.gone
    if (page.status === 0 || page.status === 500 || (page.status === 404 && !absent)) {
      problem(soak, `the cold page of ${name}: ${page.status} ${page.reason}`)
    }
    if (page.status !== 200) return
    const readers = Array.from({ length: 1 + random.below(4) }, () => ask(`${soak.server.url}${addressOf(name, file)}`))
    for (const reply of await Promise.all(readers)) {
      const whole = reply.complete && reply.status === 200
      count(soak, whole ? 'cold file 200' : reply.status === 200 ? 'cold file cut off' : `cold file ${reply.status}`)
      if (whole && sha256Of(reply.body) !== sha256Of(file.bytes)) problem(soak, `${name} came whole, and wrong`)
      if (reply.status === 500) problem(soak, `${name}: ${reply.reason}`)
      if (reply.status === 0 && way === 'fine') problem(soak, `${name} was not answered at all`)
    }
  },
}

/** Takes the whole upstream away for some seconds. */
const weather: Actor = {
  name: 'weather',
  every: 60_000,
  async act(soak, random) {
    // The first minute, or the first seconds of a short run, are fair.
    await delay(5000, undefined, { signal: soak.ending }).catch(() => undefined)
    const outage = random.pick<Fault>([{ kind: 'status', status: 503 }, { kind: 'hang' }, { kind: 'close' }])
    setWeather(soak.upstream, outage)
    await delay(1000 + random.below(8000), undefined, { signal: soak.ending }).catch(() => undefined)
    setWeather(soak.upstream)
    count(soak, `outage ${outage.kind}`)
  },
}

export const COLD_ACTORS: readonly Actor[] = [explorer, explorer, weather]
