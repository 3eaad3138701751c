import { homedir } from 'node:os'
import { join } from 'node:path'
import { stringify, type TomlTable } from 'smol-toml'
import { readProjectFile } from './project-file.ts'
import type { Preparing } from './preparing.ts'
import { table } from './toml.ts'

/** The user's configuration of PDM without its sources and their credentials, and without links into a cache that goes away. */
export async function pdmUserConfig(preparing: Preparing, userEnv: NodeJS.ProcessEnv): Promise<TomlTable> {
  const config = await readProjectFile(
    userEnv['PDM_CONFIG_FILE'] ?? join(userConfigFolder(preparing.env), 'config.toml'),
  )
  const { pypi: _pypi, repository: _repository, ...rest } = config ?? {}
  return { ...rest, install: { ...table(rest['install']), cache: false } }
}

/** Variables for every child: PDM finds no source of the user's, and leaves nothing about loopback URLs in the user's cache. */
export async function pdmVariables(preparing: Preparing, config: TomlTable): Promise<Readonly<Record<string, string>>> {
  return {
    PDM_CONFIG_FILE: await preparing.temporary.write('config.toml', stringify(config)),
    PDM_CACHE_DIR: await preparing.temporary.path('pdm'),
  }
}

/** As platformdirs finds it. */
function userConfigFolder(env: NodeJS.ProcessEnv): string {
  const home = env['HOME'] ?? homedir()
  if (process.platform === 'darwin') return join(home, 'Library/Application Support/pdm')
  const config = env['XDG_CONFIG_HOME']
  return join(config === undefined || config === '' ? join(home, '.config') : config, 'pdm')
}
