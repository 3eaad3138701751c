import type { Agent } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { Distribution } from '../support/python-projects.ts'
import { ask } from '../support/raw-http.ts'
import type { AskOptions, Reply } from '../support/raw-http.ts'
import type { Seeded } from '../support/seeded.ts'
import { seeded } from '../support/seeded.ts'
import type { RunningServer } from '../support/server.ts'
import type { SimulatedFile, Simulator } from '../support/upstream-simulator.ts'

/** An upload that the server acknowledged, and what was asked to become of it since. */
export interface Acknowledged {
  readonly name: string
  readonly version: string
  readonly filename: string
  readonly sha256: string
  /** Set before it is asked for, so that whoever still sees `offered` after an answer knows that the file had to be there. */
  state: 'offered' | 'changing' | 'yanked' | 'deleted'
}

/** A project of the simulated upstream; `way` is how its page or its files misbehave. */
export interface ColdProject {
  readonly name: string
  readonly way: string
  readonly file: SimulatedFile
  /** Taken off the upstream: who never saw it before may call it absent. */
  gone: boolean
}

/** Everything that the actors of a soak share. */
export interface Soak {
  readonly server: RunningServer
  readonly upstream: Simulator
  /** Aborted when the load ends. */
  readonly ending: AbortSignal
  readonly uploads: Map<string, Acknowledged>
  /** The newest uploads with their bytes. */
  readonly recent: Distribution[]
  /** The newest projects of the upstream. */
  readonly cold: ColdProject[]
  /** Connections that stay open between requests. */
  readonly agent: Agent
  readonly counts: Map<string, number>
  /** What must not have been, in sentences. */
  readonly problems: string[]
  /** Counts up for names that were never used before. */
  count: number
}

/** One kind of user: acts, pauses for a random time of `every` milliseconds on average, acts again. */
export interface Actor {
  readonly name: string
  readonly every: number
  act(soak: Soak, random: Seeded): Promise<void>
}

/** After so many problems there is nothing more to learn. */
const MOST_PROBLEMS = 50
const RECENT = 48

export function count(soak: Soak, what: string): void {
  soak.counts.set(what, (soak.counts.get(what) ?? 0) + 1)
}

export function problem(soak: Soak, what: string): void {
  if (soak.problems.length < MOST_PROBLEMS) soak.problems.push(what)
}

/**
 * A request on a connection that stays open. The server may close one at the very moment at which it is used again, which
 * every client answers by asking once more.
 */
export async function askAgain(soak: Soak, path: string, options: AskOptions): Promise<Reply> {
  const url = `${soak.server.url}${path}`
  const reply = await ask(url, { ...options, agent: soak.agent })
  if (reply.status !== 0) return reply
  count(soak, 'asked again')
  return await ask(url, options)
}

/** Adds to a list of the newest. */
export function remember<T>(list: T[], item: T, most = RECENT): void {
  list.push(item)
  if (list.length > most) list.shift()
}

/** Runs an actor until the load ends, by random numbers of its own that `seed` decides. */
export async function perform(actor: Actor, soak: Soak, seed: number): Promise<void> {
  const random = seeded(String(seed))
  while (!soak.ending.aborted) {
    try {
      await actor.act(soak, random)
    } catch (error) {
      problem(soak, `${actor.name}: ${error instanceof Error ? error.message : String(error)}`)
    }
    // The pace of a user; nothing waits for it to pass.
    await delay(random.below(2 * actor.every), undefined, { signal: soak.ending }).catch(() => undefined)
  }
}

/** Sizes as they come: mostly small, some of a few hundred kilobytes, now and then megabytes. */
export function randomSize(random: Seeded): number {
  const kind = random.below(30)
  if (kind === 0) return 500_000 + random.below(2_500_000)
  return kind < 4 ? 50_000 + random.below(250_000) : random.below(20_000)
}

/** Text of a module, different each time: quickly made, whatever its size. */
export function moduleText(random: Seeded, size: number): string {
  return `X = '${random.bytes(16).toString('hex')}'\n${'#'.repeat(size)}\n`
}
