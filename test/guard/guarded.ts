import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { addTrust, fetchRoot, openGuard, openLoopback, planChild } from '@waxseal/guard'
import type { ChildPlan, Guard, GuardEndpoint } from '@waxseal/guard'
import type { Scene } from '../clients/scene.ts'
import { startScene } from '../clients/scene.ts'
import type { Client, Outcome } from '../support/clients.ts'
import { outsideRequests } from '../support/clients.ts'

/** A guard of an index, in this process, that tells what it was asked for. */
export interface GuardedIndex extends AsyncDisposable {
  readonly endpoint: GuardEndpoint
  /** `GET /simple/alpha-dep/`, `GET /files/NAME/SHA256/FILENAME`, in their order. */
  readonly asked: readonly string[]
  /** Other places that children wanted to reach: `evil.example:443`. */
  outside(): readonly string[]
}

/** A scene with a guard in front of it, for all tests of a file; nobody may have been asked past the guard when they end. */
export function guardedScene(client: string): { readonly scene: () => Scene; readonly guarded: () => GuardedIndex } {
  let scene: Scene | undefined
  let guarded: GuardedIndex | undefined
  before(async () => {
    scene = await startScene()
    guarded = await startGuarded(scene.server.url)
  })
  after(async () => {
    await guarded?.[Symbol.asyncDispose]()
    await scene?.[Symbol.asyncDispose]()
    assert.deepEqual(outsideRequests(), [], `${client} asked somebody past the guard`)
  })
  const started = <T>(what: T | undefined): T => {
    if (what === undefined) throw new Error('the scene did not start')
    return what
  }
  return { scene: () => started(scene), guarded: () => started(guarded) }
}

async function startGuarded(origin: string): Promise<GuardedIndex> {
  await using parts = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'waxseal-guarded-'))
  parts.defer(() => rm(folder, { recursive: true, force: true }))
  const home = { trust: join(folder, 'trust'), cache: join(folder, 'cache') }
  const about = { url: origin, addedAt: new Date().toISOString(), rootFrom: 'index' } as const
  const options = { authorization: undefined, env: {}, now: Date.now }
  const trusted = await addTrust(home, about, await fetchRoot(origin, {}), options)
  const guard = parts.use(await openGuard({ home, trusted, env: {}, now: Date.now }))
  const asked: string[] = []
  const loopback = parts.use(await openLoopback({ ...guard, index: recorded(guard.index, asked) }, origin))
  const kept = parts.move()
  return {
    endpoint: loopback.endpoint,
    asked,
    outside: () => guard.document().outside,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** The same index, which notes each page and file that it is asked for. */
function recorded(index: Guard['index'], asked: string[]): Guard['index'] {
  return new Proxy(index, {
    get(target, name: keyof Guard['index']) {
      const method = target[name]
      return (...args: readonly [string | { project: string; sha256: string; filename: string }]): unknown => {
        const [wanted] = args
        asked.push(
          typeof wanted === 'string'
            ? `GET /simple/${wanted}/`
            : `GET /files/${wanted.project}/${wanted.sha256}/${wanted.filename}`,
        )
        return Reflect.apply(method, target, args)
      }
    },
  })
}

export type Guarded = Outcome & { readonly plan: ChildPlan; readonly mapped: readonly string[] }

/** Runs a client as `waxseal run -- CLIENT ARGS` does: planned, started in the plan's environment, and finished. */
export const runGuarded = async (
  client: Client,
  { endpoint }: GuardedIndex,
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv },
): Promise<Guarded> => {
  const head = client.name === 'pip' ? [client.python, '-m', 'pip'] : [client.name]
  const plan = await planChild({ command: [...head, ...args], env: options.env ?? {}, cwd: options.cwd, endpoint })
  const outcome = await client.run(plan.command.slice(head.length), { cwd: options.cwd, env: plan.env })
  const mapped = await plan.finish(outcome.code)
  return { ...outcome, stdout: plan.rewriteOutput ? plan.mapText(outcome.stdout) : outcome.stdout, plan, mapped }
}
