import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'smol-toml'
import { CommandError } from '../command-error.ts'
import type { SetupClient } from './clients.ts'
import { SETUP_CLIENTS } from './clients.ts'
import { indexAddress } from './index-address.ts'
import type { SetupRequest } from './setup-plan.ts'
import { examineSetup, writeSetup } from './write-setup.ts'

const SECRET = 'wax_secret-of-this-test'
const SIMPLE = 'https://packages.example/simple/'
const LEGACY = 'https://packages.example/legacy/'
const PIP = '.config/pip/pip.conf'

/** A home of nobody, and requests of somebody who lives there. */
async function emptyHome() {
  const path = await mkdtemp(join(tmpdir(), 'waxseal-setup-'))
  const request = (more: Partial<SetupRequest> = {}): SetupRequest => ({
    index: indexAddress('https://packages.example/'),
    name: 'waxseal',
    scope: undefined,
    projectDir: join(path, 'project'),
    username: undefined,
    token: undefined,
    ca: undefined,
    clientVersion: undefined,
    home: path,
    platform: 'linux',
    ...more,
    env: { XDG_CONFIG_DIRS: join(path, 'xdg'), ...more.env },
  })
  return {
    path,
    plan: (client: SetupClient, more?: Partial<SetupRequest>) => SETUP_CLIENTS[client](request(more)),
    set: (client: SetupClient, more?: Partial<SetupRequest>, force = false) =>
      writeSetup(SETUP_CLIENTS[client](request(more)), force),
    write(name: string, text: string) {
      mkdirSync(dirname(join(path, name)), { recursive: true })
      writeFileSync(join(path, name), text)
    },
    read: (name: string) => readFileSync(join(path, name), 'utf8'),
    toml: (name: string): unknown => JSON.parse(JSON.stringify(parse(readFileSync(join(path, name), 'utf8')))),
    mode: (name: string) => statSync(join(path, name)).mode & 0o777,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
}

const refused = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof CommandError && error.code === 'setup-conflict', String(error))
  assert.match(error.message, pattern)
  assert.doesNotMatch(error.message, /hunter2/)
  return true
}

test('a file is written once: the second time nothing changes', async () => {
  await using home = await emptyHome()
  assert.equal((await examineSetup(home.plan('pip'))).files[0]?.state, 'differs')
  assert.deepEqual(readdirSync(home.path), [])
  assert.equal((await home.set('pip')).files[0]?.state, 'written')
  assert.equal(home.read(PIP), `[global]\nindex-url = ${SIMPLE}\n`)
  assert.equal((await home.set('pip')).files[0]?.state, 'as-wanted')
  assert.deepEqual(readdirSync(join(home.path, '.config/pip')), ['pip.conf'])
})

test('what is there is kept, with a copy beside it, and a link stays a link', async () => {
  await using home = await emptyHome()
  const before = '# mine\n[global]\ntimeout = 60\nindex-url = https://pypi.org/simple\n'
  home.write('dotfiles/pip.conf', before)
  mkdirSync(join(home.path, '.config/pip'), { recursive: true })
  symlinkSync(join(home.path, 'dotfiles/pip.conf'), join(home.path, PIP))
  await home.set('pip')
  assert.equal(home.read('dotfiles/pip.conf'), `# mine\n[global]\ntimeout = 60\nindex-url = ${SIMPLE}\n`)
  assert.equal(home.read(PIP), home.read('dotfiles/pip.conf'))
  assert.equal(home.read('dotfiles/pip.conf.waxseal-backup'), before)
})

test('DC-7 a second index, wherever pip would find it, is refused, and nothing is written', async () => {
  const places: readonly (readonly [string, string, Readonly<Record<string, string>>])[] = [
    [PIP, '[global]\nextra-index-url = https://me:hunter2@other.example/simple/\n', {}],
    [PIP, '[global]\nextra-index-url = https://pypi.org/simple\n', {}],
    [PIP, '[install]\nextra_index_url = https://other.example/simple/\n', {}],
    [PIP, '[global]\nindex-url = https://other.example/simple/\n', {}],
    [PIP, '[global]\nfind-links = https://other.example/wheels/\n', {}],
    ['.pip/pip.conf', '[global]\nextra-index-url = https://other.example/simple/\n', {}],
    ['xdg/pip/pip.conf', '[global]\nextra-index-url = https://other.example/simple/\n', {}],
    ['xdg/pip/pip.conf', '[install]\nindex-url = https://other.example/simple/\n', {}],
    ['venv/pip.conf', '[global]\nindex-url = https://other.example/simple/\n', { VIRTUAL_ENV: 'venv' }],
    ['none', '', { PIP_EXTRA_INDEX_URL: 'https://other.example/simple/' }],
    ['none', '', { PIP_INDEX_URL: 'https://me:hunter2@other.example/simple/' }],
    // Names that pip takes for the same.
    [PIP, '[global]\n  extra-index-url = https://other.example/simple/\n', {}],
    [PIP, '[global]\n--extra-index-url = https://other.example/simple/\n', {}],
    [PIP, '[DEFAULT]\nPyPI_URL = https://other.example/simple/\n', {}],
    [PIP, '[global]\nextra-index-url =\n  https://a.example/\n  https://me:hunter2@b.example/\n', {}],
    ['none', '', { PIP_extra_index_url: 'https://me:hunter2@a.example/ https://me:hunter2@b.example/' }],
    ['none', '', { PIP_PYPI_URL: 'https://other.example/simple/' }],
  ]
  for (const [name, text, given] of places) {
    await using home = await emptyHome()
    home.write(name, text)
    const env = 'VIRTUAL_ENV' in given ? { VIRTUAL_ENV: join(home.path, 'venv') } : given
    await assert.rejects(
      home.set('pip', { env }),
      refused(/Nothing was written; this is in the way/),
      `${name} ${text}`,
    )
    assert.equal(home.read(name), text)
  }
})

test('what another file says and ours overrules is not in the way', async () => {
  await using home = await emptyHome()
  home.write('xdg/pip/pip.conf', '[global]\nindex-url = https://other.example/simple/\n')
  assert.equal((await home.set('pip')).files[0]?.state, 'written')
})

test('forced, the second index is taken out of the file; what only others can change is still told', async () => {
  await using home = await emptyHome()
  home.write(PIP, '[global]\nextra-index-url =\n  https://a.example/\n  https://b.example/\ntimeout = 1\n')
  const { conflicts } = await home.set('pip', { env: { PIP_FIND_LINKS: '/wheels' } }, true)
  assert.equal(home.read(PIP), `[global]\ntimeout = 1\nindex-url = ${SIMPLE}\n`)
  assert.match(home.read(`${PIP}.waxseal-backup`), /a\.example/)
  assert.match(conflicts.join(), /PIP_FIND_LINKS/)
})

test('options that pip passes over, or takes for no, are not in the way', async () => {
  await using home = await emptyHome()
  home.write(PIP, '[global]\nextra-index-url =\nno-index = off\n')
  await home.set('pip', { env: { PIP_NO_INDEX: '0', PIP_FIND_LINKS: '' } })
  assert.match(home.read(PIP), /^no-index = off\nindex-url = /m)
})

test('a file that is not UTF-8 is left alone, for it would come back damaged', async () => {
  await using home = await emptyHome()
  const latin = Buffer.from('machine a login b password caf\xE9\n', 'latin1')
  home.write('.netrc', '')
  writeFileSync(join(home.path, '.netrc'), latin)
  await assert.rejects(home.set('pip', { token: SECRET }), (error) => {
    return error instanceof CommandError && error.code === 'config-unreadable'
  })
  assert.deepEqual(readFileSync(join(home.path, '.netrc')), latin)
})

test('PIP_CONFIG_FILE and --scope say which file of pip; one that pip does not read is refused', async () => {
  await using home = await emptyHome()
  const named = { PIP_CONFIG_FILE: join(home.path, 'x.conf') }
  await home.set('pip', { env: named })
  assert.match(home.read('x.conf'), /packages\.example/)
  await home.set('pip', { scope: 'venv', env: { VIRTUAL_ENV: home.path } })
  assert.match(home.read('pip.conf'), /packages\.example/)
  assert.throws(() => home.plan('pip', { env: { PIP_CONFIG_FILE: '/dev/null' } }), CommandError)
  assert.throws(() => home.plan('pip', { env: named, scope: 'user' }), CommandError)
  assert.throws(() => home.plan('pip', { scope: 'venv' }), CommandError)
})

test('every platform has its own place', async () => {
  await using home = await emptyHome()
  const roaming = { APPDATA: join(home.path, 'Roaming'), PROGRAMDATA: join(home.path, 'Data') }
  const place = (client: SetupClient, more: Partial<SetupRequest>) => home.plan(client, more).files[0]?.path
  assert.equal(place('pip', { platform: 'win32', env: roaming }), join(home.path, 'Roaming/pip/pip.ini'))
  assert.equal(place('pip', { platform: 'win32', env: roaming, scope: 'global' }), join(home.path, 'Data/pip/pip.ini'))
  assert.equal(place('pip', { platform: 'darwin' }), join(home.path, '.config/pip/pip.conf'))
  assert.equal(place('pip', { scope: 'global' }), '/etc/pip.conf')
  assert.equal(place('uv', { platform: 'win32', env: roaming }), join(home.path, 'Roaming/uv/uv.toml'))
  assert.equal(place('uv', { scope: 'global' }), '/etc/uv/uv.toml')
})

test('TOK a token goes into .netrc and .pypirc, for their owner alone, and into nothing that is shown', async () => {
  await using home = await emptyHome()
  home.write('.netrc', 'machine other.example login a password b\n')
  home.write('project/pyproject.toml', '')
  home.write('project/Pipfile', '')
  const token = { token: SECRET, username: '__token__' }
  for (const client of Object.keys(SETUP_CLIENTS) as readonly SetupClient[]) {
    const { files, ...rest } = home.plan(client, token)
    const said = JSON.stringify([
      rest,
      files.map(({ path, shown }) => [path, shown]),
      await examineSetup(home.plan(client, token)),
    ])
    assert.ok(!said.includes(SECRET), client)
    await home.set(client, token)
  }
  assert.equal(
    home.read('.netrc'),
    `machine other.example login a password b\nmachine packages.example login __token__ password ${SECRET}\n`,
  )
  assert.match(home.read('.pypirc'), new RegExp(`^password = ${SECRET}$`, 'm'))
  for (const name of ['.netrc', '.pypirc', '.netrc.waxseal-backup']) assert.equal(home.mode(name), 0o600, name)
  for (const name of [PIP, 'project/pyproject.toml', 'project/Pipfile']) assert.ok(!home.read(name).includes(SECRET))
})

test('a .netrc that others may read is closed, though nothing in it changes', async () => {
  await using home = await emptyHome()
  home.write('.netrc', `machine packages.example login __token__ password ${SECRET}\n`)
  assert.equal(home.mode('.netrc'), 0o644)
  await home.set('pip', { token: SECRET })
  assert.equal(home.mode('.netrc'), 0o600)
})

test('.pypirc keeps the repositories that it has', async () => {
  await using home = await emptyHome()
  home.write('.pypirc', '[distutils]\nindex-servers =\n    pypi\n\n[pypi]\nusername = __token__\npassword = p%y\n')
  await home.set('twine')
  const text = home.read('.pypirc')
  assert.match(text, /index-servers = \n {4}pypi\n {4}waxseal\n/)
  assert.ok(text.endsWith(`password = p%y\n\n[waxseal]\nrepository = ${LEGACY}\nusername = __token__\n`), text)
  assert.equal((await home.set('twine')).files[0]?.state, 'as-wanted')
  home.write('.pypirc', '[waxseal]\nrepository = https://other.example/\n')
  await assert.rejects(home.set('twine'), refused(/another repository/))
})

test('.pypirc: variables that come before the file are in the way, without what they hold', async () => {
  await using home = await emptyHome()
  for (const env of [
    { TWINE_REPOSITORY_URL: 'https://me:hunter2@other.example/legacy/' },
    { TWINE_USERNAME: 'hunter2' },
    { TWINE_PASSWORD: 'hunter2' },
  ]) {
    const [name = ''] = Object.keys(env)
    await assert.rejects(home.set('twine', { env, token: SECRET }), refused(new RegExp(`${name} is set`)))
  }
  await home.set('twine', {
    env: { TWINE_REPOSITORY_URL: LEGACY, TWINE_USERNAME: '__token__', TWINE_PASSWORD: SECRET },
  })
})

test('uv: the file that uv reads gets one default index', async () => {
  await using home = await emptyHome()
  const index = { name: 'waxseal', url: SIMPLE, 'publish-url': LEGACY, default: true }
  await home.set('uv')
  assert.deepEqual(home.toml('.config/uv/uv.toml'), { index: [index] })
  home.write('project/pyproject.toml', '[project]\nname = "x" # kept\n')
  await home.set('uv')
  assert.deepEqual(home.toml('project/pyproject.toml'), { project: { name: 'x' }, tool: { uv: { index: [index] } } })
  assert.match(home.read('project/pyproject.toml'), /# kept/)
  // A uv.toml hides the [tool.uv] beside it.
  home.write('project/uv.toml', 'index-url = "https://other.example/simple/"\n')
  await assert.rejects(home.set('uv'), refused(/uv\.toml sets index-url/))
  for (const name of ['UV_INDEX', 'UV_EXTRA_INDEX_URL', 'UV_DEFAULT_INDEX', 'UV_FIND_LINKS', 'UV_TORCH_BACKEND']) {
    await assert.rejects(
      home.set('uv', { scope: 'user', env: { [name]: 'https://me:hunter2@other.example/' } }),
      refused(new RegExp(`${name} is set \\(https://other\\.example/\\)`)),
    )
  }
})

const PARTNER = 'https://me:hunter2@other.example/simple/'

test('DC-7 uv, forced: whatever in the file reaches another place is taken out', async () => {
  const index = { name: 'waxseal', url: SIMPLE, 'publish-url': LEGACY, default: true }
  for (const text of [
    `index-url = "${PARTNER}"\nextra-index-url = ["${PARTNER}"]\nfind-links = ["/wheels"]\nno-index = true\n`,
    `[pip]\nindex-url = "${PARTNER}"\nextra-index-url = [\n  "${PARTNER}", # one\n]\ntorch-backend = "auto"\n`,
    `pip.find-links = ["${PARTNER}"]\n`,
    `index = [{ name = "a", url = "${PARTNER}" }]\n`,
    `[[index]]\nname = "waxseal"\nurl = "${SIMPLE}"\nexplicit = true\nformat = "flat"\n`,
    `[[index]]\nname = "a"\nurl = "${PARTNER}"\nexplicit = true\n\n[[index]]\nurl = "https://pypi.org/simple"\n`,
  ]) {
    await using home = await emptyHome()
    home.write('.config/uv/uv.toml', text)
    await assert.rejects(home.set('uv'), refused(/in the way/), text)
    assert.deepEqual((await home.set('uv', {}, true)).conflicts, [], text)
    const { pip = {}, ...rest } = home.toml('.config/uv/uv.toml') as { readonly pip?: unknown }
    assert.deepEqual([pip, rest], [{}, { index: [index] }], text)
  }
})

test('DC-7 uv: what stays although forced is told', async () => {
  await using home = await emptyHome()
  const torch = '[[tool.uv.index]]\nname = "torch"\nurl = "https://other.example/simple/"\nexplicit = true\n'
  home.write(
    'project/pyproject.toml',
    `[tool.uv.sources]\ntorch = [{ index = "torch", marker = "x" }, { git = "y" }]\n[tool.uv]\npip = { find-links = ["${PARTNER}"] }\n${torch}`,
  )
  home.write(
    '.config/uv/uv.toml',
    `[[index]]\nurl = "${PARTNER}"\n[[index]]\nurl = "https://a.example/"\ndefault = true\n`,
  )
  home.write('xdg/uv/uv.toml', `extra-index-url = ["${PARTNER}"]\nindex-url = "https://b.example/"\n`)
  await assert.rejects(home.set('uv'), refused(/index torch|source, torch/))
  const { conflicts } = await home.set('uv', {}, true)
  const said = conflicts.join('\n')
  assert.equal(conflicts.length, 4, said)
  assert.match(said, /torch in \[tool\.uv\.sources\] is bound to another source, torch/)
  assert.match(said, /tool\.uv\.pip\.find-links \(https:\/\/other\.example\/simple\/\).* Remove it by hand/)
  assert.match(said, /\.config\/uv\/uv\.toml, which uv reads too: index is https:\/\/other\.example/)
  assert.match(said, /xdg\/uv\/uv\.toml, which uv reads too: extra-index-url/)
  assert.doesNotMatch(said, /hunter2|[ab]\.example/)
})

test('uv: a member of a workspace is told that its root counts', async () => {
  await using home = await emptyHome()
  home.write('project/pyproject.toml', '')
  home.write('pyproject.toml', '[tool.uv.workspace]\nmembers = ["pro*"]\n')
  await assert.rejects(home.set('uv'), refused(/belongs to the workspace/))
  home.write('pyproject.toml', '[tool.uv.workspace]\nmembers = ["pro*"]\nexclude = ["project"]\n')
  await home.set('uv')
})

test('PDM: the source called pypi, in the project or for the user; further sources are refused', async () => {
  await using home = await emptyHome()
  await home.set('pdm')
  assert.deepEqual(home.toml('.config/pdm/config.toml'), { pypi: { url: SIMPLE } })
  assert.equal((await home.set('pdm')).files[0]?.state, 'as-wanted')
  home.write(
    'project/pyproject.toml',
    '[[tool.pdm.source]]\nname = "pypi"\nurl = "https://pypi.org/simple"\nverify_ssl = true\n',
  )
  await home.set('pdm')
  assert.deepEqual(home.toml('project/pyproject.toml'), {
    tool: { pdm: { source: [{ name: 'pypi', url: SIMPLE, verify_ssl: true }] } },
  })
  home.write('.config/pdm/config.toml', '[pypi.partner]\nurl = "https://other.example/simple/"\n')
  await assert.rejects(home.set('pdm'), refused(/pypi\.partner/))
  home.write('project/pdm.toml', '[pypi]\nignore_stored_index = true\n')
  await home.set('pdm')
  home.write('project/pdm.toml', '[pypi]\nignore_stored_index = false\n[pypi.local]\nurl = "https://a.example/"\n')
  assert.match(
    (await home.set('pdm', {}, true)).conflicts.join(),
    /pdm\.toml has another source, pypi\.local.*pypi\.partner/,
  )
})

test('DC-7 PDM, forced: further sources, limits and a switch against them are taken out', async () => {
  for (const text of [
    `[pypi]\nurl = "${PARTNER}"\n[pypi.partner]\nurl = "${PARTNER}"\n`,
    `[pypi]\nignore_stored_index = true\npartner.url = "${PARTNER}"\npartner.type = "index"\n`,
    `pypi.partner = { url = "${PARTNER}" }\npypi.url = "${PARTNER}"\n`,
  ]) {
    await using home = await emptyHome()
    home.write('.config/pdm/config.toml', text)
    await assert.rejects(home.set('pdm'), refused(/in the way/), text)
    assert.deepEqual((await home.set('pdm', {}, true)).conflicts, [], text)
    assert.deepEqual(home.toml('.config/pdm/config.toml'), { pypi: { url: SIMPLE } }, text)
  }
  await using home = await emptyHome()
  home.write(
    'project/pyproject.toml',
    `[[tool.pdm.source]]\nname = "pypi"\nurl = "${SIMPLE}"\nverify_ssl = true\ninclude_packages = ["a"]\ntype = "find_links"\n`,
  )
  await assert.rejects(home.set('pdm'), refused(/include_packages/))
  await home.set('pdm', {}, true)
  assert.deepEqual(home.toml('project/pyproject.toml'), {
    tool: { pdm: { source: [{ name: 'pypi', url: SIMPLE, verify_ssl: true }] } },
  })
})

test('PDM: what overrules its own configuration is told, though forced', async () => {
  await using home = await emptyHome()
  home.write('xdg/pdm/config.toml', `[pypi]\nignore_stored_index = true\n`)
  const env = { PDM_PYPI_URL: PARTNER, PDM_IGNORE_STORED_INDEX: '1' }
  await assert.rejects(home.set('pdm', { env }), refused(/PDM_PYPI_URL is set \(https:\/\/other\.example/))
  assert.equal((await home.set('pdm', { env }, true)).conflicts.length, 3)
})

test('DC-7 Poetry and pipenv: a package that is bound to another source is told, though forced', async () => {
  await using home = await emptyHome()
  home.write(
    'project/pyproject.toml',
    `[tool.poetry.dependencies]\nsource = "^1"\na = { version = "1", source = "torch" }\n[tool.poetry.group.x.dependencies]\nb = [{ version = "1", source = "torch" }, { version = "2" }]\n` +
      `[[tool.poetry.source]]\nname = "torch"\nurl = "${PARTNER}"\npriority = "explicit"\n[[tool.poetry.source]]\nname = "PyPI"\npriority = "primary"\n`,
  )
  home.write(
    'project/Pipfile',
    `[[source]]\nname = "pypi"\nurl = "https://pypi.org/simple"\nverify_ssl = true\n[[source]]\nname = "torch"\nurl = "${PARTNER}"\n[packages]\na = { version = "*", index = "pypi" }\nb = { version = "*", index = "torch" }\n[docs]\nc = { index = "${PARTNER}" }\n`,
  )
  for (const [client, bound] of [
    ['poetry', ['a', 'b']],
    ['pipenv', ['b', 'c']],
  ] as const) {
    await assert.rejects(home.set(client), refused(/another source, torch \(https:\/\/other\.example/))
    const { conflicts } = await home.set(client, {}, true)
    assert.deepEqual(
      conflicts.map((conflict) => /: (\w) in \[.*\] is bound to another source, /.exec(conflict)?.[1]),
      bound,
    )
    assert.doesNotMatch(conflicts.join(), /hunter2/)
  }
  assert.deepEqual(
    (home.toml('project/pyproject.toml') as { tool: { poetry: { source: unknown } } }).tool.poetry.source,
    [{ name: 'waxseal', url: SIMPLE, priority: 'primary' }],
  )
})

test('pipenv asks pip, so that what pip is told beside the Pipfile is in the way', async () => {
  await using home = await emptyHome()
  home.write('project/Pipfile', '')
  home.write(PIP, `[global]\nindex-url = https://a.example/\nextra-index-url = ${PARTNER}\n`)
  await assert.rejects(home.set('pipenv'), refused(/pip reads too: extra-index-url/))
  home.write(PIP, `[global]\nindex-url = https://a.example/\n`)
  await home.set('pipenv')
  await assert.rejects(home.set('pipenv', { env: { PIPENV_PYPI_MIRROR: PARTNER } }), refused(/PIPENV_PYPI_MIRROR/))
})

test('Poetry: the variable that sends its uploads elsewhere is in the way', async () => {
  await using home = await emptyHome()
  home.write('project/pyproject.toml', '')
  await assert.rejects(home.set('poetry', { env: { POETRY_REPOSITORIES_WAXSEAL_URL: PARTNER } }), refused(/POETRY_/))
})

test('a project without its file is told how to get one; a folder that cannot be written is an environment failure', async () => {
  await using home = await emptyHome()
  for (const client of ['poetry', 'pipenv'] as const) assert.throws(() => home.plan(client), /Run "/)
  home.write('.config', 'a file where a folder should be')
  await assert.rejects(home.set('pip'), (error) => error instanceof CommandError && error.exitCode === 3)
})
