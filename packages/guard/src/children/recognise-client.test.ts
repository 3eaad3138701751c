import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recogniseClient } from './recognise-client.ts'

const cases: readonly (readonly [command: string, client: string, head: number])[] = [
  ['pip install x', 'pip', 1],
  ['pip3 install x', 'pip', 1],
  ['pip3.12 install x', 'pip', 1],
  ['/usr/local/bin/pip install x', 'pip', 1],
  ['pip.exe install x', 'pip', 1],
  ['python -m pip install x', 'pip', 3],
  ['python3.11 -mpip install x', 'pip', 2],
  ['python3 -Im pip install x', 'pip', 3],
  ['python3 -X dev -W ignore -m pip install x', 'pip', 7],
  ['python3 -Xdev -m pip install x', 'pip', 4],
  ['py -3.12 -m pip install x', 'pip', 4],
  ['pypy3 /usr/bin/pip install x', 'pip', 2],
  ['python3 -m pip.__main__ install x', 'pip', 3],
  ['python3 -c pass -m pip', 'other', 1],
  ['python3 setup.py install', 'other', 2],
  ['uv pip install x', 'uv', 1],
  ['uvx ruff', 'uv', 1],
  ['python -m uv sync', 'uv', 3],
  ['pdm lock', 'pdm', 1],
  ['python3 /opt/pipenv lock', 'pipenv', 2],
  ['poetry add x', 'poetry', 1],
  ['python -m build', 'build', 3],
  ['pyproject-build .', 'build', 1],
  ['./build all', 'other', 1],
  ['twine upload dist/x', 'twine', 1],
  ['pipx run black', 'other', 1],
  ['pip-compile', 'other', 1],
  ['make test', 'other', 1],
]

for (const [command, client, head] of cases) {
  test(`${command}: ${client}`, () => {
    const words = command.split(' ')
    const recognised = recogniseClient(words)
    assert.equal(recognised.client, client)
    if (client === 'other') return
    assert.deepEqual(recognised.head, words.slice(0, head))
    assert.deepEqual(recognised.args, words.slice(head))
  })
}
