import type { TomlTable } from 'smol-toml'
import type { GuardEndpoint } from '../endpoint.ts'
import { GuardError } from '../error.ts'
import { childEnvironment } from './child-environment.ts'
import { mercurialVariables } from './mercurial-config.ts'
import { preparePdm } from './pdm-child.ts'
import { pdmUserConfig, pdmVariables } from './pdm-config.ts'
import { preparePipenv } from './pipenv-child.ts'
import { preparePip } from './pip-child.ts'
import { fileVariables } from './file-variables.ts'
import type { PreparedClient, Preparing } from './preparing.ts'
import { recogniseClient, type RecognisedClient } from './recognise-client.ts'
import { RequirementsFiles } from './requirements-file.ts'
import { TemporaryFiles } from './temporary-files.ts'
import { urlMapping } from './url-mapping.ts'
import { prepareUv } from './uv-child.ts'

export interface ChildRequest {
  readonly command: readonly string[]
  /** The user's environment. */
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
  readonly endpoint: GuardEndpoint
  /** Leave requirements alone that name a URL of another host. The proxy refuses the request for it all the same. */
  readonly allowDirectUrls?: boolean
}

/** How to start a program so that it gets packages from the guard and from nowhere else. */
export interface ChildPlan {
  readonly client: 'pip' | 'uv' | 'pdm' | 'pipenv' | 'poetry' | 'build' | 'other'
  readonly command: readonly string[]
  /** The whole environment of the child. */
  readonly env: NodeJS.ProcessEnv
  /** The child's standard output is a lock or a report: it goes through `mapText`, as one text. */
  readonly rewriteOutput: boolean
  /** Whether it is known to fetch every file that it chooses. */
  readonly installs: boolean
  mapText(text: string): string
  /**
   * Maps what the child wrote back to the index's own URLs, and removes the temporary copies; the files that were written. To be called
   * once the child has ended, however it ended. `exitCode`: as `runProgram` has it, null where it never ran to its end. What a signal ended may
   * have written half a file, which takes no other's place.
   */
  finish(exitCode?: number | null): Promise<readonly string[]>
}

/**
 * Plans the start of a command behind a running guard. @throws `GuardError` `option-refused`, `requirement-refused`,
 * `configuration-refused`, `lock-unreadable` and `client-unknown`, with what was refused, where it stands, and what to do instead.
 */
export async function planChild(request: ChildRequest): Promise<ChildPlan> {
  const { endpoint, cwd, allowDirectUrls = false } = request
  const recognised = recogniseClient(request.command)
  const env = childEnvironment(request.env, endpoint, allowDirectUrls)
  const urls = urlMapping(endpoint)
  const temporary = new TemporaryFiles()
  const preparing: Preparing = {
    urls,
    origin: endpoint.origin,
    loopback: endpoint.url,
    cwd,
    env,
    allowDirectUrls,
    temporary,
  }
  try {
    const files = new RequirementsFiles(preparing)
    const pdmConfig = await pdmUserConfig(preparing, request.env)
    const variables = {
      ...(await fileVariables(preparing, files)),
      ...(await pdmVariables(preparing, pdmConfig)),
      ...(await mercurialVariables(preparing, endpoint.proxyUrl)),
      PIPENV_CACHE_DIR: await temporary.path('pipenv'),
    }
    const prepared = await prepare(recognised, preparing, files, pdmConfig)
    let finished: Promise<readonly string[]> | undefined
    return {
      client: recognised.client === 'twine' ? 'other' : recognised.client,
      command: [...recognised.head, ...prepared.args],
      env: { ...env, ...variables, ...prepared.env },
      rewriteOutput: prepared.rewriteOutput ?? false,
      installs: prepared.installs ?? false,
      mapText: (text) => files.restorePaths(urls.toOrigin(text)),
      finish: (exitCode = 0) => (finished ??= finish(prepared, temporary, endedByItself(exitCode))),
    }
  } catch (error) {
    await temporary.remove()
    throw error
  }
}

async function prepare(
  { client, head, args }: RecognisedClient,
  preparing: Preparing,
  files: RequirementsFiles,
  pdmConfig: TomlTable,
): Promise<PreparedClient> {
  switch (client) {
    case 'pip':
      return await preparePip(head, args, preparing, files)
    case 'uv':
      return await prepareUv(head, args, preparing, files)
    case 'pdm':
      return await preparePdm(args, preparing, files, pdmConfig)
    case 'pipenv':
      return await preparePipenv(args, preparing, files)
    case 'twine':
      throw refusedClient('twine', 'publishing does not go through the guard. Run twine without it.')
    case 'poetry':
      throw refusedClient(
        'poetry',
        'Poetry takes its sources from pyproject.toml only. Start `waxseal guard`, which stays at one address, and add that address with `poetry source add --priority=primary waxseal URL`.',
      )
    default:
      return { args }
  }
}

function refusedClient(client: string, why: string): GuardError {
  return new GuardError('client-unknown', `\`waxseal run\` does not start ${client}: ${why}`, { data: { client } })
}

/** A program that passes on the end of one that it started (a shim, a shell) says so by its exit code: 128 and the signal. */
function endedByItself(exitCode: number | null): boolean {
  return exitCode !== null && exitCode <= 128
}

async function finish(
  { outputs = [] }: PreparedClient,
  temporary: TemporaryFiles,
  completed: boolean,
): Promise<readonly string[]> {
  try {
    const written: string[] = []
    for (const output of outputs) written.push(...(await output.collect(completed)))
    return written
  } finally {
    await temporary.remove()
  }
}
