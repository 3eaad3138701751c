import { readdirSync, readFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

/**
 * Imported by `scripts/test.ts` into the process of each test file, which a hanging file never leaves: the time limit of
 * Node's runner is one for tests, and what such a test leaves behind keeps its process alive for ever.
 */
const limit = Number(process.env['TEST_FILE_DEADLINE_MS'])
if (limit > 0 && isMainThread && process.env['NODE_TEST_CONTEXT'] === 'child-v8') {
  setTimeout(() => {
    const left = [...new Set(process.getActiveResourcesInfo())].join(', ')
    process.stderr.write(`${process.argv[1]} did not end within ${limit / 60_000} minutes: killed. Alive: ${left}\n`)
    for (const child of children()) kill(child)
    process.exit(1)
  }, limit).unref()
}

/** The processes that this one started: servers without whom the other tests go faster. Linux only. */
function children(): readonly number[] {
  try {
    const threads = readdirSync('/proc/self/task').map((thread) => `/proc/self/task/${thread}/children`)
    const pids = threads.flatMap((path) => readFileSync(path, 'utf8').split(' '))
    return pids.filter((pid) => pid !== '').map(Number)
  } catch {
    return []
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended meanwhile.
  }
}
