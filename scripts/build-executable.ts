import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve, sep } from 'node:path'
import { buildSite } from './docs-site/build-site.ts'
import { bundleCommand, bundleWorkers } from './executable/bundle.ts'
import { licensesOf } from './executable/licenses.ts'

/**
 * `npm run executable [-- FILE]`: the whole command as one executable file, by default `dist/waxseal`, for machines of
 * this platform that have no Node (docs/decisions/0020-one-executable.md). Beside it the licences of what is in it.
 */
const output = resolve(process.argv[2] ?? join(import.meta.dirname, '../dist/waxseal'))
const platform = `${process.platform}-${process.arch}`
const nodePackage = join(import.meta.dirname, `../node_modules/node-${platform}`)
const node = join(nodePackage, 'bin/node')
if (!existsSync(node))
  throw new Error(`There is no pinned Node for ${platform} here; where there is one, npm ci installs it.`)
/** As `packages/waxseal/bin/waxseal` starts a server; an executable has one set of options for all commands. */
const NODE_OPTIONS = ['--max-semi-space-size=2']

const began = performance.now()
mkdirSync(dirname(output), { recursive: true })
// On the same file system as the output, so that it is renamed when it is whole: an earlier one may be running.
const stage = mkdtempSync(join(dirname(output), '.executable-'))
try {
  const command = await bundleCommand()
  const workers = await bundleWorkers()
  const assets = new Map([...stageSite(), ...[...workers].map(([name, { code }]) => staged(name, code))])
  const bare = join(stage, 'node')
  const stripped = strip(bare)
  const config = {
    main: staged('main.cjs', command.code)[1],
    executable: bare,
    output: join(stage, 'waxseal'),
    disableExperimentalSEAWarning: true,
    useCodeCache: true,
    execArgv: NODE_OPTIONS,
    assets: Object.fromEntries(assets),
  }
  run(node, ['--build-sea', staged('sea.json', JSON.stringify(config))[1]])
  const version = run(config.output, ['--version']).trim()
  const sources = [command, ...workers.values()].flatMap((bundle) => bundle.sources)
  renameSync(staged('licenses', licensesOf(sources, nodePackage))[1], `${output}.licenses.txt`)
  renameSync(config.output, output)
  const megabytes = Math.round(statSync(output).size / 1e6)
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  process.stdout.write(
    `${output}: waxseal ${version} for ${platform} alone, by the pinned Node, ` +
      `${megabytes} MB${stripped ? '' : ' (a fifth less with strip, of binutils)'}, in ${seconds} s\n`,
  )
} finally {
  rmSync(stage, { recursive: true, force: true })
}

/** The documentation as assets, and the list of them. */
function stageSite(): readonly (readonly [string, string])[] {
  const folder = join(stage, 'site')
  buildSite(folder)
  const paths = globSync('**/*.*', { cwd: folder }).map((path) => path.split(sep).join('/'))
  return [
    staged('site', JSON.stringify(paths), 'site.list'),
    ...paths.map((path) => [`site/${path}`, join(folder, path)] as const),
  ]
}

function staged(name: string, content: string, file = name): readonly [string, string] {
  const path = join(stage, file)
  writeFileSync(path, content)
  return [name, path]
}

/** Node's program without the symbols that only debuggers read, where the tool for that is there. */
function strip(path: string): boolean {
  copyFileSync(node, path)
  return spawnSync('strip', [path]).status === 0
}

function run(program: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status ?? error?.message}:\n${stderr}`)
  return stdout
}
