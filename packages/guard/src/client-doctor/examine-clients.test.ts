import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { examineClients } from './examine-clients.ts'

const TRUSTED = 'https://packages.example/team'
const OURS = `${TRUSTED}/simple/`
const OTHER = 'https://me:S3CRET@other.example/simple/?token=S3CRET'
const SECRET = 'guard-secret-guard-secret-guard-secret'

type Files = Readonly<Record<string, string>>

/** Findings on a machine with these files: below `home/`, `etc/` and `project/`. Each as `code place: what`. */
async function examine(files: Files, env: NodeJS.ProcessEnv = {}) {
  const root = await mkdtemp(join(tmpdir(), 'waxseal-doctor-'))
  try {
    const project = join(root, 'project')
    await mkdir(project)
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, name)), { recursive: true })
      await writeFile(join(root, name), text)
    }
    const findings = await examineClients({
      env: {
        XDG_CONFIG_DIRS: join(root, 'etc'),
        ...Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value?.replace('ROOT', root)])),
      },
      home: join(root, 'home'),
      platform: 'linux',
      cwd: project,
      trusted: { url: TRUSTED, guardSecret: SECRET },
    })
    assert.doesNotMatch(JSON.stringify(findings), /S3CRET/)
    return findings
      .filter(({ where }) => where !== 'no configuration' && !where.startsWith('/etc/'))
      .map(({ code, severity, client, where }) =>
        [severity === 'note' ? `(${code})` : code, client, where.replace(`${root}/`, '')].join(' '),
      )
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

test('pip.conf is looked at in every place that pip reads', async () => {
  const conf = `[global]\ntimeout = 3\nindex-url = ${OTHER}\n[install]\nextra_index_url =\n  ${OURS}\n  ${OTHER}\n`
  const places = ['home/.config/pip/pip.conf', 'home/.pip/pip.conf', 'etc/pip/pip.conf', 'project/.venv/pip.conf']
  for (const place of places) {
    assert.deepEqual(await examine({ [place]: conf }), [`index pip ${place}:3`, `extra-index pip ${place}:5`], place)
  }
  assert.deepEqual(await examine({ 'active/pip.conf': conf }, { VIRTUAL_ENV: 'ROOT/active' }), [
    'index pip active/pip.conf:3',
    'extra-index pip active/pip.conf:5',
  ])
  // PIP_CONFIG_FILE takes the place of the user's; /dev/null that of all.
  const named = { 'named.conf': conf, 'home/.config/pip/pip.conf': conf }
  assert.deepEqual(await examine(named, { PIP_CONFIG_FILE: 'ROOT/named.conf' }), [
    'index pip named.conf:3',
    'extra-index pip named.conf:5',
  ])
  assert.deepEqual(await examine(named, { PIP_CONFIG_FILE: '/dev/null' }), [])
})

test('the trusted index is no finding, with or without a slash, nor is its guard on this machine', async () => {
  const guard = `http://127.0.0.1:8418/${SECRET}/simple/`
  assert.deepEqual(
    await examine(
      {
        'home/.config/pip/pip.conf': `[global]\nindex-url = ${OURS}\n`,
        'project/pyproject.toml': `[[tool.uv.index]]\nurl = "${OURS.slice(0, -1)}"\ndefault = true\n[[tool.poetry.source]]\nname = "g"\nurl = "${guard}"\npriority = "primary"\n`,
        'project/requirements.txt': `--index-url ${OURS}\ndemo @ ${TRUSTED}/files/demo/x/demo-1.0.tar.gz\n./local\n-e .\n`,
      },
      { UV_DEFAULT_INDEX: guard, PIP_INDEX_URL: `http://any:${SECRET}@127.0.0.1:9000/simple/` },
    ),
    [],
  )
})

test('variables of pip, uv, PDM, pipenv and Poetry are named, and empty ones are none', async () => {
  assert.deepEqual(
    await examine(
      {},
      {
        PIP_INDEX_URL: OTHER,
        PIP_EXTRA_INDEX_URL: `${OURS} ${OTHER}`,
        PIP_TRUSTED_HOST: 'other.example',
        PIP_FIND_LINKS: '',
        PIP_TIMEOUT: '3',
        UV_INDEX: `mine=${OTHER}`,
        UV_INDEX_STRATEGY: 'unsafe-best-match',
        PDM_PYPI_URL: OTHER,
        PIPENV_PYPI_MIRROR: OTHER,
        POETRY_REPOSITORIES_X_URL: OTHER,
      },
    ),
    [
      'index pip environment variable PIP_INDEX_URL',
      'extra-index pip environment variable PIP_EXTRA_INDEX_URL',
      'unchecked-host pip environment variable PIP_TRUSTED_HOST',
      'extra-index uv environment variable UV_INDEX',
      'merging uv environment variable UV_INDEX_STRATEGY',
      'index PDM environment variable PDM_PYPI_URL',
      'index pipenv environment variable PIPENV_PYPI_MIRROR',
      '(upload) Poetry environment variable POETRY_REPOSITORIES_X_URL',
    ],
  )
  assert.deepEqual(await examine({}, { UV_INDEX_STRATEGY: 'first-index', UV_DEFAULT_INDEX: OURS }), [])
})

test('uv.toml of user, machine and project, and [tool.uv] here and above', async () => {
  const toml = `index-strategy = "unsafe-first-match"\nfind-links = ["${OTHER}", "./wheels"]\n[[index]]\nname = "o"\nurl = "${OTHER}"\n[pip]\nextra-index-url = ["${OTHER}"]\n`
  for (const place of ['home/.config/uv/uv.toml', 'etc/uv/uv.toml', 'project/uv.toml', 'uv.toml']) {
    assert.deepEqual(
      await examine({ [place]: toml }),
      [
        `extra-index uv ${place}:5`,
        `links uv ${place}:2`,
        `(links) uv ${place}:2`,
        `extra-index uv ${place}:7`,
        `merging uv ${place}:1`,
      ],
      place,
    )
  }
  assert.deepEqual(
    await examine({
      'project/pyproject.toml': `[tool.uv]\nindex = [{ url = "${OTHER}", default = true }]\n[tool.uv.sources]\ndemo = { git = "https://git.example/demo" }\nlocal = { path = "x" }\n`,
    }),
    ['index uv project/pyproject.toml:2', 'direct-url uv project/pyproject.toml:4'],
  )
})

test('sources of PDM, Poetry and pipenv, and packages that come from a URL', async () => {
  assert.deepEqual(
    await examine({
      'project/pyproject.toml': `[project]
dependencies = ["six", "demo @ ${OTHER}"]
urls = { Home = "https://demo.example" }
[build-system]
requires = ["hatchling @ git+https://git.example/hatch"]
[[tool.pdm.source]]
name = "pypi"
url = "${OTHER}"
[[tool.pdm.source]]
name = "more"
type = "find_links"
url = "${OTHER}"
[[tool.poetry.source]]
name = "PyPI"
[tool.poetry.group.dev.dependencies]
x = { git = "https://git.example/x" }
`,
      'project/Pipfile': `[[source]]\nname = "o"\nurl = "${OTHER}"\n[packages]\nsix = "*"\ny = { file = "https://other.example/y-1.tar.gz" }\n`,
      'home/.config/pdm/config.toml': `[pypi]\nurl = "${OTHER}"\n[pypi.more]\nurl = "${OTHER}"\n`,
      'home/.config/pypoetry/config.toml': `[repositories.up]\nurl = "${OTHER}"\n`,
    }),
    [
      'index PDM project/pyproject.toml:8',
      'links PDM project/pyproject.toml:12',
      'extra-index Poetry project/pyproject.toml:13',
      'direct-url Poetry project/pyproject.toml:16',
      'direct-url every client project/pyproject.toml:2',
      'direct-url every client project/pyproject.toml:5',
      'extra-index pipenv project/Pipfile:3',
      'direct-url pipenv project/Pipfile:6',
      'index PDM home/.config/pdm/config.toml:2',
      'extra-index PDM home/.config/pdm/config.toml:4',
      '(upload) Poetry home/.config/pypoetry/config.toml:2',
    ],
  )
})

test('lines of requirements and constraints here', async () => {
  assert.deepEqual(
    await examine({
      'project/requirements-dev.txt': `six==1\n-i ${OTHER}\n--extra-index ${OTHER} --trusted-host other.example\n-f https://other.example/wheels\n`,
      'project/constraints.txt': 'demo @ git+https://git.example/demo\n',
      'project/requirements/base.in': '-e git+ssh://git@git.example/x#egg=x\n',
      'project/notes.txt': `--index-url ${OTHER}\n`,
    }),
    [
      'direct-url pip project/constraints.txt:1',
      'index pip project/requirements-dev.txt:2',
      'extra-index pip project/requirements-dev.txt:3',
      'unchecked-host pip project/requirements-dev.txt:3',
      'links pip project/requirements-dev.txt:4',
      'direct-url pip project/requirements/base.in:1',
    ],
  )
})

test('a Dockerfile is a note where it installs, and a finding where it names another index', async () => {
  assert.deepEqual(await examine({ 'project/Dockerfile': 'FROM python\n# RUN pip install x\nRUN pip install six\n' }), [
    '(elsewhere) pip project/Dockerfile:3',
  ])
  assert.deepEqual(
    await examine({
      'project/Dockerfile.ci': `ENV PIP_INDEX_URL=${OTHER}\nRUN pip install --extra-index-url=${OTHER} six\n`,
      'project/tox.ini': `[testenv]\nsetenv =\n  UV_INDEX = ${OTHER}\n`,
      'project/noxfile.py': `session.install("-i", "${OTHER}", "six")\n`,
    }),
    [
      'index pip project/Dockerfile.ci:1',
      'extra-index pip project/Dockerfile.ci:2',
      'index pip project/noxfile.py:1',
      'extra-index uv project/tox.ini:3',
    ],
  )
  assert.deepEqual(await examine({ 'project/Dockerfile': `ENV PIP_INDEX_URL ${OURS}\nRUN pip install six\n` }), [])
})

test('.netrc is told of hosts that something here reaches, and of default', async () => {
  const netrc =
    'machine github.com login a password S3CRET\nmachine other.example login a password S3CRET\ndefault login b password S3CRET\n'
  assert.deepEqual(await examine({ 'home/.netrc': netrc }, { PIP_INDEX_URL: 'https://other.example/simple' }), [
    'index pip environment variable PIP_INDEX_URL',
    '(credentials) every client home/.netrc:2',
    '(credentials) every client home/.netrc:3',
  ])
})

test('what cannot be read is a finding: nobody knows what it says', async () => {
  assert.deepEqual(
    await examine({ 'home/.config/pip/pip.conf': 'no section\n', 'project/uv.toml': '[[', 'project/Pipfile/x': '' }),
    ['unreadable every client home/.config/pip/pip.conf', 'unreadable every client project/uv.toml'],
  )
})
