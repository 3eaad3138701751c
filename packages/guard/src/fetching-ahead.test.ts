import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FetchingAhead } from './fetching-ahead.ts'
import type { WantedAhead } from './fetching-ahead.ts'

const wheel = (project: string, version: string): WantedAhead => {
  return { project, sha256: '0'.repeat(64), filename: `${project}-${version}-py3-none-any.whl`, size: 1000 }
}
const metadata = (project: string, ...needs: readonly string[]): Buffer =>
  Buffer.from(
    `Metadata-Version: 2.1\nName: ${project}\nVersion: 1.0\n${needs.map((name) => `Requires-Dist: ${name}\n`).join('')}\n`,
  )

/** One that writes down what it fetches, each at once. */
const recording = (installs: boolean): { readonly ahead: FetchingAhead; readonly fetched: readonly string[] } => {
  const fetched: string[] = []
  const ahead = new FetchingAhead(
    { now: () => 0, installs },
    async (project) => void fetched.push(project),
    async ({ filename }) => void fetched.push(filename),
  )
  return { ahead, fetched }
}

void test('no file is fetched for whoever only looks at metadata, until a first one is asked for', () => {
  const { ahead, fetched } = recording(false)
  ahead.metadata(wheel('app', '1.0'), metadata('app', 'one'))
  assert.deepEqual(fetched, ['one'])
  ahead.file({ project: 'other' })
  assert.deepEqual(fetched, ['one', 'app-1.0-py3-none-any.whl'])
})

void test('for whoever installs what it chooses, one file of each project is fetched while it still chooses', () => {
  const { ahead, fetched } = recording(true)
  ahead.metadata(wheel('app', '2.0'), metadata('app'))
  // It goes back to an older one, and on.
  ahead.metadata(wheel('app', '1.0'), metadata('app'))
  ahead.metadata(wheel('one', '1.0'), metadata('one'))
  assert.deepEqual(fetched, ['app-2.0-py3-none-any.whl', 'one-1.0-py3-none-any.whl'])
  ahead.file({ project: 'one' })
  assert.deepEqual(fetched.slice(2), ['app-1.0-py3-none-any.whl'])
})

void test('pages come before files that wait', async () => {
  const order: string[] = []
  const { promise: freed, resolve: free } = Promise.withResolvers<void>()
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  const ahead = new FetchingAhead(
    { now: () => 0, installs: true },
    async (project) => void order.push(project),
    async ({ project }) => {
      order.push(`file of ${project}`)
      if (project === 'five') end()
      await freed
    },
  )
  for (const project of ['one', 'two', 'three', 'four', 'five']) {
    ahead.metadata(wheel(project, '1.0'), metadata(project))
  }
  ahead.metadata({ ...wheel('huge', '1.0'), size: undefined }, metadata('huge', 'needed'))
  free()
  await ended
  assert.deepEqual(order.slice(4), ['needed', 'file of five'])
})
