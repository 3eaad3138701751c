import { spawnSync } from 'node:child_process'

/** The one way to run the tests: `npm test [-- files…]`, `npm run test:nightly`. */
const nightly = process.argv.includes('--nightly')
const files = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
const patterns =
  files.length > 0 ? files : ['packages/*/src/**/*.test.ts', 'packages/*/test/**/*.test.ts', 'test/**/*.test.ts']
const result = spawnSync(process.execPath, ['--test', '--test-concurrency=2', ...patterns], {
  stdio: 'inherit',
  env: { ...process.env, ...(nightly ? { WAXSEAL_NIGHTLY: '1' } : {}) },
})
process.exitCode = result.status ?? 1
