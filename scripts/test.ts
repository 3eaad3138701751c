import { spawnSync } from 'node:child_process'
import { accessSync, constants, statfsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The one way to run the tests: `npm test [-- files…]`, `npm run test:nightly`. */
const nightly = process.argv.includes('--nightly') || process.env['WAXSEAL_NIGHTLY'] !== undefined
const files = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
const patterns =
  files.length > 0 ? files : ['packages/*/src/**/*.test.ts', 'packages/*/test/**/*.test.ts', 'test/**/*.test.ts']

const MINUTE_MS = 60_000
const soakMinutes = Number(process.env['WAXSEAL_SOAK_MINUTES'] ?? (nightly ? 60 : 0))
// Twice and more what the longest test or suite takes on two busy cores, beside the soak.
const testMs = ((nightly ? 40 : 15) + soakMinutes) * MINUTE_MS
// Longer, so that a test that hangs is named before its file is ended.
const fileMs = testMs + 5 * MINUTE_MS

const MEMORY = '/dev/shm'
/** Several times what tests that run at the same time have there. */
const ROOM_IN_MEMORY = 4 * 1024 ** 3

const compiled = fileURLToPath(new URL('../.cache/compiled', import.meta.url))
const deadline = `--import=${new URL('test-file-deadline.ts', import.meta.url).href}`
const result = spawnSync(
  process.execPath,
  ['--test', '--test-concurrency=3', `--test-timeout=${testMs}`, deadline, ...patterns],
  {
    stdio: 'inherit',
    // Tests start the command a thousand times: compiled once, that takes half as long.
    env: {
      ...process.env,
      NODE_COMPILE_CACHE: compiled,
      // By day in memory, where a whole run takes a tenth less time; at night on the disk.
      ...(!nightly && process.env['TMPDIR'] === undefined && hasRoomInMemory() ? { TMPDIR: MEMORY } : {}),
      TEST_FILE_DEADLINE_MS: String(fileMs),
      ...(nightly ? { WAXSEAL_NIGHTLY: '1' } : {}),
    },
  },
)
process.exitCode = result.status ?? 1

function hasRoomInMemory(): boolean {
  try {
    accessSync(MEMORY, constants.W_OK)
    const { bavail, bsize } = statfsSync(MEMORY)
    return bavail * bsize >= ROOM_IN_MEMORY
  } catch {
    return false
  }
}
