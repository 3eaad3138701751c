import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { waxsealCommand } from '../../test/support/command.ts'
import type { IndexScenario } from '../index-scenario.ts'

/** What is not installed with the command of the guard, and reaches another index. */
const FILES = {
  Dockerfile: 'FROM python:3.14\nRUN pip install --extra-index-url https://other.example/simple app\n',
  'tox.ini': '[testenv]\ninstall_command = python -m pip install -i https://other.example/simple {opts} {packages}\n',
}

export const scenario: IndexScenario = {
  id: 'DC-20',
  title: 'a tool beside the guard that has another index',
  capability: 'CLI',
  means: 'writes into a Dockerfile and a tox.ini',
  async play(scene) {
    const env = {
      HOME: scene.folder,
      XDG_CONFIG_HOME: join(scene.folder, 'config'),
      WAXSEAL_GUARD_HOME: join(scene.folder, 'guard'),
      PIP_CONFIG_FILE: join(scene.folder, 'pip.conf'),
    }
    const options = { cwd: scene.folder, env }
    await waxsealCommand(['trust', 'add', scene.server.url, '--yes'], options)
    for (const [name, text] of Object.entries(FILES)) await writeFile(join(scene.folder, name), text)
    const { stdout } = await waxsealCommand(['doctor', '--client', '--json'], options)
    const { findings } = JSON.parse(stdout) as {
      readonly findings: readonly { readonly code: string; readonly where: string }[]
    }
    const named = findings.filter(({ where }) => where.startsWith(scene.folder)).map(({ code }) => code)
    return { code: named.length === 0 ? undefined : named.toSorted().join(', '), through: 'waxseal doctor --client' }
  },
  refused: 'extra-index, index',
}
