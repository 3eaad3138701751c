import { globSync } from 'node:fs'
import { basename, join } from 'node:path'
import { rolldown } from 'rolldown'
import type { RolldownLog } from 'rolldown'

const ROOT = join(import.meta.dirname, '../..')
const MAIN = join(ROOT, 'packages/waxseal/src/main.ts')
const ENTRY = 'waxseal:executable'
/** What `pg` would use where it is installed: it asks, and does without. */
const ABSENT = ['pg-native']

/** A script without imports of anything but Node's own modules, and what went into it. */
export interface Bundle {
  readonly code: string
  /** The paths of the sources. */
  readonly sources: readonly string[]
}

/** The command, in one script. Started with a channel and the name of a `*-process.ts`, it is that one. */
export function bundleCommand(): Promise<Bundle> {
  const processes = sourcesNamed('process').map(
    ([name, path]) => `[${JSON.stringify(name)}, () => import(${JSON.stringify(path)})]`,
  )
  return bundle(`
const processes = new Map([${processes.join(', ')}])
const start = process.channel === undefined ? undefined : processes.get(process.argv[2])
void (start ?? (() => import(${JSON.stringify(MAIN)})))()
`)
}

/** Each `*-worker.ts`, by its name without the ending. */
export async function bundleWorkers(): Promise<ReadonlyMap<string, Bundle>> {
  const bundles = sourcesNamed('worker').map(
    async ([name, path]) => [name, await bundle(`import ${JSON.stringify(path)}`)] as const,
  )
  return new Map(await Promise.all(bundles))
}

function sourcesNamed(kind: 'process' | 'worker'): readonly (readonly [string, string])[] {
  const paths = globSync(`packages/*/src/**/*-${kind}.ts`, { cwd: ROOT, exclude: ['**/testing/**'] })
  return paths.sort().map((path) => [basename(path, '.ts'), join(ROOT, path)])
}

/** CommonJS, since V8's code cache is kept only for it; a module that is imported when it is wanted runs only then. */
async function bundle(entry: string): Promise<Bundle> {
  const unresolved: string[] = []
  await using build = await rolldown({
    input: ENTRY,
    cwd: ROOT,
    platform: 'node',
    external: ABSENT,
    plugins: [
      {
        name: 'entry',
        resolveId: (id) => (id === ENTRY ? id : undefined),
        load: (id) => (id === ENTRY ? { code: entry, moduleType: 'js' } : undefined),
      },
    ],
    onLog: (level, log: RolldownLog) => {
      if (level === 'warn') unresolved.push(log.message)
    },
  })
  const { output } = await build.generate({
    format: 'cjs',
    codeSplitting: false,
    comments: false,
    minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
  })
  const [chunk, ...others] = output
  if (unresolved.length > 0) throw new Error(unresolved.join('\n'))
  if (others.length > 0) throw new Error(`the bundle is not one file: ${others.map((o) => o.fileName).join(', ')}`)
  return { code: chunk.code, sources: chunk.moduleIds.filter((id) => id !== ENTRY) }
}
