import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { UserMachine } from './user-machine.ts'

/** Where pip's files lie, in the order in which the later wins (pip's configuration.py). */
export function pipFiles({ env, home, platform }: UserMachine): Readonly<Record<'global' | 'user' | 'venv', string[]>> {
  const name = platform === 'win32' ? 'pip.ini' : 'pip.conf'
  const config = env['XDG_CONFIG_HOME'] || join(home, '.config')
  const venv = env['VIRTUAL_ENV'] ? [join(env['VIRTUAL_ENV'], name)] : []
  if (platform === 'win32') {
    const roaming = env['APPDATA'] || join(home, 'AppData', 'Roaming')
    const shared = env['PROGRAMDATA'] || 'C:\\ProgramData'
    return { global: [join(shared, 'pip', name)], user: [join(home, 'pip', name), join(roaming, 'pip', name)], venv }
  }
  if (platform === 'darwin') {
    const library = join(home, 'Library/Application Support/pip')
    const user = existsSync(library) ? join(library, name) : join(home, '.config/pip', name)
    return { global: ['/Library/Application Support/pip/pip.conf'], user: [join(home, '.pip', name), user], venv }
  }
  const shared = (env['XDG_CONFIG_DIRS'] || '/etc/xdg').split(':').filter((folder) => folder !== '')
  return {
    global: [...shared.map((folder) => join(folder, 'pip', name)), '/etc/pip.conf'],
    user: [join(home, '.pip', name), join(config, 'pip', name)],
    venv,
  }
}

/** What PIP_CONFIG_FILE is set to where pip is to read no file. */
export function isNoFile(path: string): boolean {
  return path === '/dev/null' || path.toLowerCase() === 'nul'
}

/** An option's name as pip compares it, from a file or the environment (configuration.py, `_normalize_name`). */
export function pipOptionName(text: string): string {
  return text.toLowerCase().replaceAll('_', '-').replace(/^--/, '')
}
