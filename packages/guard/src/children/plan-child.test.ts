import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { GuardError } from '../error.ts'
import { planChild, type ChildRequest } from './plan-child.ts'

const ENDPOINT = {
  url: 'http://127.0.0.1:8400/secret',
  proxyUrl: 'http://127.0.0.1:8400',
  origin: 'https://packages.example',
}
const ORIGIN_INDEX = 'https://packages.example/simple/'
const LOOPBACK_INDEX = 'http://127.0.0.1:8400/secret/simple/'
const FILE = `/files/x/${'0'.repeat(64)}/x-1.0-py3-none-any.whl`

const roots: string[] = []
after(() => {
  for (const root of roots) rmSync(root, { recursive: true, force: true })
})

const folder = (files: Readonly<Record<string, string | Buffer>> = {}): string => {
  const root = mkdtempSync(join(tmpdir(), 'waxseal-plan-'))
  roots.push(root)
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), content)
  }
  return root
}

const plan = (command: string, options: Partial<ChildRequest> = {}) =>
  planChild({ command: command.split(' '), env: {}, cwd: tmpdir(), endpoint: ENDPOINT, ...options })

const refuses = (code: string, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof GuardError, String(error))
  assert.equal(error.code, code, error.message)
  assert.match(error.message, message)
  return true
}

const REFUSED_OPTIONS: readonly (readonly [command: string, option: string])[] = [
  ['pip install -i https://evil.example/simple x', '--index-url'],
  ['pip install -ihttps://evil.example/simple x', '--index-url'],
  ['pip install x -Uqi https://evil.example/simple', '--index-url'],
  ['pip install --index-url=https://evil.example/simple x', '--index-url'],
  ['pip install --index-u https://evil.example/simple x', '--index-url'],
  ['pip install --pypi-url https://evil.example/simple x', '--index-url'],
  ['pip install --extra-index https://evil.example/simple x', '--extra-index-url'],
  ['pip install --extra-index-url=https://packages.example.evil/simple/ x', '--extra-index-url'],
  ['pip install -i https://packages.example/simple/../other/ x', '--index-url'],
  ['pip install -i', '--index-url'],
  ['pip install x -f wheels', '--find-links'],
  ['pip wheel --find=wheels x', '--find-links'],
  ['pip list -of wheels', '--find-links'],
  ['pip --trusted-host evil.example install x', '--trusted-host'],
  ['pip --trust evil.example show x', '--trusted-host'],
  ['pip --isolated install x', '--isolated'],
  ['pip install --iso x', '--isolated'],
  ['pip --log show install --isolated x', '--isolated'],
  ['pip install --proxy http://evil.example x', '--proxy'],
  ['pip install --no-proxy-env x', '--no-proxy-env'],
  ['pip install --cert x.pem x', '--cert'],
  ['pip install --client-cert x.pem x', '--client-cert'],
  ['pip install --keyring-provider=import x', '--keyring-provider'],
  ['pip install -- --isolated', '--isolated'],
  ['pip --log freeze install -f wheels', '--find-links'],
  ['uv pip install --index-url https://evil.example/simple x', '--index-url'],
  ['uv sync --index work=https://evil.example/simple', '--index-url'],
  ['uv sync --default-index=https://evil.example/simple', '--index-url'],
  ['uv add x --extra-index-url https://evil.example/simple', '--extra-index-url'],
  ['uv pip install -f wheels x', '--find-links'],
  ['uv --config-file uv.toml sync', '--config-file'],
  ['uv run --env-file other.env program', '--env-file'],
  ['uv sync --allow-insecure-host evil.example', '--allow-insecure-host'],
  ['uv pip install --torch-backend cpu torch', '--torch-backend'],
  ['uvx --index https://evil.example/simple ruff', '--index-url'],
  ['uv tool run -i https://evil.example/simple ruff', '--index-url'],
  ['pdm --config other.toml lock', '--config'],
  ['pdm -c other.toml lock', '--config'],
  ['pdm self add --pip-args=-i https://evil.example', '--pip-args'],
  ['pipenv install --index https://evil.example/simple x', '--index'],
  ['pipenv install --index=https://evil.example/simple x', '--index'],
  ['pipenv install --pypi-mirror https://evil.example/simple x', '--pypi-mirror'],
  ['pipenv install --extra-pip-args=--isolated x', '--extra-pip-args'],
]

test('a command of pip that fetches every file that it chooses is known for it', async () => {
  const installs = async (command: string): Promise<boolean> => {
    const planned = await plan(command)
    await planned.finish()
    return planned.installs
  }
  for (const command of ['pip install x', 'pip -q download x', 'python3 -m pip wheel x']) {
    assert.equal(await installs(command), true, command)
  }
  for (const command of ['pip install --dry-run x', 'pip lock x', 'pip index versions x', 'pip freeze', 'make']) {
    assert.equal(await installs(command), false, command)
  }
})

for (const [command, option] of REFUSED_OPTIONS) {
  test(`${command} is refused`, async () => {
    await assert.rejects(plan(command), refuses('option-refused', new RegExp(`: ${option} is refused`)))
  })
}

for (const command of [
  'pip install https://evil.example/x.whl',
  'pip install git+https://evil.example/x',
  'pip install -e git+ssh://git@evil.example/x',
  'pip install --editable=git+https://evil.example/x',
  'pip download -r https://evil.example/requirements.txt',
  'uv pip install https://evil.example/x.whl',
  'uvx git+https://evil.example/x',
  'uvx --from git+https://evil.example/x tool',
  'uv run --with https://evil.example/x.whl program',
  'pdm add https://evil.example/x.whl',
  'pipenv install git+https://evil.example/x',
]) {
  test(`${command} is refused`, async () => {
    await assert.rejects(plan(command), refuses('requirement-refused', /evil\.example/))
  })
}

for (const command of [
  'pip install ./x.whl -e . file:///srv/x.whl',
  'pip show -f x',
  'pip list -o',
  'pip freeze -l',
  'pip install --no-index ./x.whl',
  'pip install --pre --prefer-binary --cache-dir /tmp/c x',
  'pip config debug',
  'uv run python -i -f x',
  'uvx pytest -f --index-url x',
  'uv python install 3.12',
  'pipenv run python -i',
  'make -f Makefile.other -i',
]) {
  test(`${command} is left as it is`, async () => {
    const planned = await plan(command, { cwd: folder() })
    assert.deepEqual(planned.command, command.split(' '))
    await planned.finish(0)
  })
}

for (const [command, why] of [
  ['poetry install', /poetry source add/],
  ['twine upload dist/x', /publishing does not go through the guard/],
  ['pdm publish', /without it/],
  ['uv publish', /without it/],
] as const) {
  test(`${command} is refused by name`, async () => {
    await assert.rejects(plan(command), refuses('client-unknown', why))
  })
}

test('the index and the files of the origin become those of the guard', async () => {
  const planned = await plan(
    `pip install -i ${ORIGIN_INDEX} --extra-index-url=https://packages.example/simple ${ENDPOINT.origin}${FILE}`,
  )
  assert.deepEqual(planned.command, [
    'pip',
    'install',
    '-i',
    LOOPBACK_INDEX,
    `--extra-index-url=${LOOPBACK_INDEX}`,
    `${ENDPOINT.url}${FILE}`,
  ])
  await assert.rejects(
    plan(`pip install https://packages.example.evil${FILE}`),
    refuses('requirement-refused', /packages\.example\.evil/),
  )
  const text = `${ENDPOINT.url}/files/x http://127.0.0.1:8400/secrets/ ${ENDPOINT.url}`
  assert.equal(planned.mapText(text), `https://packages.example/files/x http://127.0.0.1:8400/secrets/ ${ENDPOINT.url}`)
  await planned.finish(0)
})

test('a direct URL is left alone where that is allowed, a source never', async () => {
  const planned = await plan('pip install git+https://host.example/x', { allowDirectUrls: true })
  assert.deepEqual(planned.command.at(-1), 'git+https://host.example/x')
  await planned.finish(0)
  await assert.rejects(
    plan('pip install -i https://host.example/x', { allowDirectUrls: true }),
    refuses('option-refused', /--index-url/),
  )
})

test('Mercurial reads last that it has no ssh and which proxy, behind what the user has for it', async () => {
  for (const [env, first] of [
    [{}, '/etc/mercurial/hgrc'],
    [{ HGRCPATH: '/srv/hgrc' }, '/srv/hgrc'],
  ] as const) {
    const planned = await plan('make', { env, allowDirectUrls: true })
    const places = planned.env['HGRCPATH']?.split(delimiter) ?? []
    assert.equal(places[0], first)
    assert.equal(
      readFileSync(places.at(-1) ?? '', 'utf8'),
      '[ui]\nssh = false\n[http_proxy]\nhost = 127.0.0.1:8400\nno =\nalways = True\n',
    )
    await planned.finish(0)
  }
})

test('a password in what is refused is not repeated', async () => {
  await assert.rejects(plan('pip install https://ada:hunter2@evil.example/x.whl'), (error: unknown) => {
    assert.ok(error instanceof GuardError)
    assert.doesNotMatch(`${error.message} ${JSON.stringify(error.data)}`, /hunter2/)
    return true
  })
})

const utf16 = (text: string) => Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')])
const REFUSED_FILES: readonly (readonly [
  title: string,
  files: Readonly<Record<string, string | Buffer>>,
  code: string,
  message: RegExp,
])[] = [
  ['an index', { 'r.txt': 'x\n\n-i https://evil.example/\n' }, 'option-refused', /r\.txt:3: --index-url/],
  [
    'an abbreviated index',
    { 'r.txt': '--extra-index=https://evil.example/' },
    'option-refused',
    /r\.txt:1: --extra-index-url/,
  ],
  [
    'a source behind a continuation',
    { 'r.txt': 'x\n-\\\n-find-links=wheels' },
    'option-refused',
    /r\.txt:2: --find-links/,
  ],
  ['a source behind a quote', { 'r.txt': "'x' -'i' https://evil.example/" }, 'option-refused', /r\.txt:1: --index-url/],
  [
    'a source behind a line end of Python',
    { 'r.txt': 'x # \u0085--trusted-host evil.example' },
    'option-refused',
    /r\.txt:2: --trusted-host/,
  ],
  ['a source behind a form feed', { 'r.txt': 'x # \f-f wheels' }, 'option-refused', /r\.txt:2: --find-links/],
  [
    'a source in Latin-1',
    { 'r.txt': Buffer.from('# coding: latin-1\nx # é\u0085-f wheels', 'latin1') },
    'option-refused',
    /r\.txt:3/,
  ],
  ['a source in UTF-16', { 'r.txt': utf16('x\r\n-f wheels\r\n') }, 'option-refused', /r\.txt:2: --find-links/],
  ['a source in a variable', { 'r.txt': 'x\n${SOURCE}' }, 'option-refused', /r\.txt:2: --index-url/],
  ['a URL in a variable', { 'r.txt': 'x @ ${PLACE}/x.whl' }, 'requirement-refused', /r\.txt:1: x @ https:\/\/evil/],
  ['an encoding that is not read', { 'r.txt': '# -*- coding: utf-7 -*-\nx' }, 'requirement-refused', /coding: utf-7/],
  [
    'bytes that are no UTF-8',
    { 'r.txt': Buffer.from([0x78, 0x0a, 0x23, 0xff]) },
    'requirement-refused',
    /not valid UTF-8/,
  ],
  [
    'two byte order marks',
    { 'r.txt': Buffer.from([0xff, 0xfe, 0xfe, 0xff, 0, 0x78]) },
    'requirement-refused',
    /byte order mark/,
  ],
  ['a URL', { 'r.txt': 'x @ https://evil.example/x.whl --hash=sha256:00' }, 'requirement-refused', /r\.txt:1/],
  ['an editable URL', { 'r.txt': '-e git+https://evil.example/x' }, 'requirement-refused', /r\.txt:1/],
  [
    'a nested source',
    { 'r.txt': '-r sub/s.txt', 'sub/s.txt': '-c t.txt', 'sub/t.txt': '-f wheels' },
    'option-refused',
    /sub\/t\.txt:1/,
  ],
  [
    'a nested source behind constraints',
    { 'r.txt': '-c c.txt -r s.txt', 'c.txt': '', 's.txt': '-f wheels' },
    'option-refused',
    /s\.txt:1: --find-links/,
  ],
  [
    'a source behind a nested file',
    { 'r.txt': '-r s.txt -i https://evil.example/', 's.txt': 'x' },
    'option-refused',
    /r\.txt:1: --index-url/,
  ],
  [
    'a nested URL file',
    { 'r.txt': '--requirement https://evil.example/r.txt' },
    'requirement-refused',
    /evil\.example\/r\.txt/,
  ],
]

for (const [title, files, code, message] of REFUSED_FILES) {
  test(`a requirements file with ${title} is refused with its line`, async () => {
    const cwd = folder(files)
    const env = { SOURCE: '-i https://evil.example/', PLACE: 'https://evil.example' }
    await assert.rejects(plan('pip install -r r.txt', { cwd, env }), refuses(code, message))
    await assert.rejects(plan('make', { cwd, env: { ...env, PIP_CONSTRAINT: 'r.txt' } }), refuses(code, message))
    await assert.rejects(plan('uv pip sync r.txt', { cwd, env }), refuses(code, message))
  })
}

test('files inside one another have a limit, and a circle is the client’s to refuse', async () => {
  const chain = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`${at}.txt`, `-r ${at + 1}.txt`]))
  await assert.rejects(
    plan('pip install -r 0.txt', { cwd: folder(chain) }),
    refuses('requirement-refused', /more than 32/),
  )
  const circle = await plan('pip install -r a.txt', { cwd: folder({ 'a.txt': '-r b.txt', 'b.txt': '-r a.txt' }) })
  assert.equal(circle.command.at(-1), 'a.txt')
  await circle.finish(0)
})

test('a file without URLs of the origin is read where it is; one with them as a copy that nobody else may read', async () => {
  const cwd = folder({
    'plain.txt': 'x==1 --hash=sha256:00 # https://packages.example/files/\n./y\n',
    'deep/mapped.txt': `-r ../plain.txt\n-r 'more files.txt'\nx @ ${ENDPOINT.origin}${FILE} --hash=sha256:00 --config-settings="a=b c"\n`,
    'deep/more files.txt': `--index-url ${ORIGIN_INDEX}\n`,
  })
  const planned = await plan('pip install -r plain.txt -rdeep/mapped.txt', { cwd })
  assert.equal(planned.command[3], 'plain.txt')
  const copy = planned.command[4]?.slice(2) ?? ''
  assert.equal(statSync(copy).mode & 0o777, 0o600)
  assert.equal(statSync(dirname(dirname(copy))).mode & 0o777, 0o700)
  const [plain, more = '', requirement] = readFileSync(copy, 'utf8').replace('\u{feff}', '').split('\n')
  assert.equal(plain, `-r ${join(cwd, 'plain.txt')}`)
  assert.equal(
    readFileSync(more.slice('-r '.length).replaceAll('\\', ''), 'utf8'),
    `\u{feff}--index-url ${LOOPBACK_INDEX}\n`,
  )
  assert.equal(requirement, String.raw`x @ ${ENDPOINT.url}${FILE} --hash=sha256:00 --config-settings=a=b\ c`)
  await planned.finish(null)
  assert.throws(() => statSync(copy), /ENOENT/)
})

test('a lock is read as a mapped copy, and its folders from where it is', async () => {
  const lock = (url: string) => `lock-version = "1.0"
created-by = "test"
[[packages]]
name = "x"
version = "1.0"
[[packages.wheels]]
url = "${url}"
hashes = { sha256 = "00" }
[[packages]]
name = "local"
directory = { path = "./local" }
`
  const cwd = folder({ 'sub/pylock.app.toml': lock(`${ENDPOINT.origin}${FILE}`) })
  const planned = await plan('pip install -r sub/pylock.app.toml', { cwd })
  const copy = planned.command.at(-1) ?? ''
  const text = readFileSync(copy, 'utf8')
  assert.match(copy, /pylock\.app\.toml$/)
  assert.ok(text.includes(`"${ENDPOINT.url}${FILE}"`) && text.includes(`"${join(cwd, 'sub/local')}"`), text)
  await planned.finish(0)
  await assert.rejects(
    plan('pip install -r pylock.toml', { cwd: folder({ 'pylock.toml': lock('https://evil.example/x.whl') }) }),
    refuses('requirement-refused', /pylock\.toml:7: https:\/\/evil\.example/),
  )
  await assert.rejects(
    plan('pip install -r pylock.toml', { cwd: folder({ 'pylock.toml': '[[' }) }),
    refuses('lock-unreadable', /pylock\.toml/),
  )
})

const PROJECT = '[project]\nname = "x"\nversion = "1"\n'
const REFUSED_PROJECTS: readonly (readonly [
  command: string,
  files: Readonly<Record<string, string>>,
  code: string,
  message: RegExp,
])[] = [
  [
    'pdm lock',
    { 'pyproject.toml': `${PROJECT}[[tool.pdm.source]]\nname = "work"\nurl = "https://evil.example/"\n` },
    'configuration-refused',
    /tool\.pdm\.source.*work.*pdm config pypi\.url https:\/\/packages\.example\/simple\//,
  ],
  [
    'pdm lock',
    { 'pyproject.toml': PROJECT, 'pdm.toml': '[pypi.work]\nurl = "https://evil.example/"\n' },
    'configuration-refused',
    /pdm\.toml: the source work/,
  ],
  [
    'pdm lock',
    { 'pyproject.toml': PROJECT, 'pdm.toml': '[install]\ncache = true\n' },
    'configuration-refused',
    /install\.cache/,
  ],
  [
    'pdm lock',
    { 'pyproject.toml': `${PROJECT}dependencies = ["y @ https://evil.example/y.whl"]\n` },
    'requirement-refused',
    /pyproject\.toml: project\.dependencies/,
  ],
  [
    'pdm lock',
    { 'pyproject.toml': `${PROJECT}[tool.pdm.resolution.overrides]\ny = "hg+ssh://evil.example/y"\n` },
    'requirement-refused',
    /pyproject\.toml: tool\.pdm\.resolution\.overrides has y @ hg\+ssh:\/\/evil/,
  ],
  [
    'pdm sync',
    { 'pyproject.toml': PROJECT, 'pdm.lock': '[[package]]\nname = "y"\ngit = "https://evil.example/y"\n' },
    'requirement-refused',
    /pdm\.lock: y/,
  ],
  [
    'uv sync --frozen',
    { 'pyproject.toml': PROJECT, 'uv.lock': '[[package]]\nname = "y"\nsource = { registry = "../wheels" }\n' },
    'configuration-refused',
    /uv\.lock: y from the registry \.\.\/wheels/,
  ],
  [
    'uv sync --frozen',
    { 'pyproject.toml': PROJECT, 'uv.lock': '[[package]]\nname = "y"\nsource = { git = "https://evil.example/y" }\n' },
    'requirement-refused',
    /uv\.lock: y/,
  ],
  [
    'uv sync',
    { 'pyproject.toml': `${PROJECT}[[tool.uv.index]]\nname = "work"\nurl = "https://evil.example/"\n` },
    'configuration-refused',
    /tool\.uv\.index.*evil/,
  ],
  [
    'uv sync',
    { 'pyproject.toml': `${PROJECT}[tool.uv]\nextra-index-url = ["https://evil.example/"]\n` },
    'configuration-refused',
    /extra-index-url/,
  ],
  [
    'uv lock',
    { 'pyproject.toml': `${PROJECT}[tool.uv.sources]\ny = { git = "https://evil.example/y" }\n` },
    'configuration-refused',
    /y from git/,
  ],
  [
    'uv lock',
    { 'pyproject.toml': `${PROJECT}[tool.uv.sources]\ny = [{ index = "work", marker = "x" }]\n` },
    'configuration-refused',
    /y from index work/,
  ],
  [
    'uv run --python 3.12 s.py',
    { 's.py': '# /// script\n# dependencies = ["y @ https://evil.example/y.whl"]\n# ///\n' },
    'requirement-refused',
    /s\.py/,
  ],
  [
    'uv run s.py',
    { 's.py': '# /// script\n# [[tool.uv.index]]\n# url = "https://evil.example/"\n# ///\n' },
    'configuration-refused',
    /s\.py.*evil/,
  ],
  [
    'pip install --group dev',
    { 'pyproject.toml': '[dependency-groups]\ndev = ["y @ https://evil.example/y.whl"]\n' },
    'requirement-refused',
    /pyproject\.toml: dev/,
  ],
  [
    'pip install --requirements-from-script s.py',
    { 's.py': '# /// script\n# dependencies = ["y @ https://evil.example/y.whl"]\n# ///\n' },
    'requirement-refused',
    /s\.py/,
  ],
  [
    'pipenv lock',
    { Pipfile: '[[source]]\nurl = "https://evil.example/"\n[packages]\n' },
    'configuration-refused',
    /Pipfile: the source https:\/\/evil\.example\/ is refused/,
  ],
  ['pipenv lock', { Pipfile: '[packages]\nx = "*"\n' }, 'configuration-refused', /without a \[\[source\]\]/],
  [
    'pipenv lock',
    { Pipfile: `[[source]]\nurl = "${ORIGIN_INDEX}"\n[packages]\nx = { git = "https://evil.example/x" }\n` },
    'requirement-refused',
    /Pipfile: x/,
  ],
  [
    'pipenv lock',
    { Pipfile: `[[source]]\nurl = "${ORIGIN_INDEX}"\n[dev-packages]\nx = { file = "https://evil.example/x" }\n` },
    'requirement-refused',
    /Pipfile: x/,
  ],
  ...(
    [
      [{ _meta: { sources: [{ name: 'x', url: 'file:///srv/simple' }] } }, 'configuration-refused', /file:\/\/\/srv/],
      [
        { _meta: {}, default: { y: { file: 'https://evil.example/y.whl' } } },
        'requirement-refused',
        /Pipfile\.lock: y/,
      ],
      [{ _meta: {}, docs: { y: { svn: 'https://evil.example/y' } } }, 'requirement-refused', /Pipfile\.lock: y/],
      [{ _meta: {}, default: { y: { index: 'other' } } }, 'configuration-refused', /y from the source other/],
      [[], 'lock-unreadable', /Pipfile\.lock/],
    ] as const
  ).map(
    ([lock, code, message]) =>
      [
        'pipenv sync',
        { Pipfile: `[[source]]\nurl = "${ORIGIN_INDEX}"\n[packages]\n`, 'Pipfile.lock': JSON.stringify(lock) },
        code,
        message,
      ] as const,
  ),
]

for (const [command, files, code, message] of REFUSED_PROJECTS) {
  test(`${command} is refused with ${JSON.stringify(files)}`, async () => {
    const cwd = folder(files)
    await assert.rejects(plan(command, { cwd }), refuses(code, message))
    assert.deepEqual(readdirSync(cwd).toSorted(), Object.keys(files).toSorted())
  })
}

test('a uv.lock has loopback URLs while uv runs, and those of the origin afterwards, whatever becomes of the run', async () => {
  const lock = (base: string) =>
    `[[package]]\nname = "x"\nsource = { registry = "${base}/simple" }\nwheels = [{ url = "${base}${FILE}" }]\n`
  const cwd = folder({ 'pyproject.toml': PROJECT, 'uv.lock': lock(ENDPOINT.origin) })
  const read = () => readFileSync(join(cwd, 'uv.lock'), 'utf8')
  const planned = await plan('uv sync', { cwd })
  assert.equal(read(), lock(ENDPOINT.url))
  await assert.rejects(plan('uv sync', { cwd }), refuses('configuration-refused', /another `waxseal run`/))
  assert.deepEqual(await planned.finish(0), [])
  assert.equal(read(), lock(ENDPOINT.origin))
  assert.deepEqual(readdirSync(cwd).toSorted(), ['pyproject.toml', 'uv.lock'])

  const killed = await plan('uv lock', { cwd })
  writeFileSync(join(cwd, 'uv.lock'), 'half a f')
  assert.deepEqual(await killed.finish(null), [])
  assert.equal(read(), lock(ENDPOINT.origin))

  const changed = await plan('uv lock', { cwd })
  writeFileSync(join(cwd, 'uv.lock'), `${lock(ENDPOINT.url)}# more\n`)
  assert.deepEqual(await changed.finish(0), [join(cwd, 'uv.lock')])
  assert.equal(read(), `${lock(ENDPOINT.origin)}# more\n`)
})

const uvLock = (base: string) => `[[package]]\nname = "x"\nsource = { registry = "${base}/simple" }\n`
const MARK = '.waxseal.uv.lock'
/** Where no process has the number: it is above Linux's highest. */
const ofDeadProcess = (mark: string) => mark.replace(`"pid":${process.pid}`, '"pid":4999999')
/** A project in which a run was killed: the mark as it left it, as `kill` would have it, and `left` in the place of uv.lock. */
const killedRun = async ({ before, left, kill = ofDeadProcess }: KilledRun) => {
  const cwd = folder({ 'pyproject.toml': PROJECT, ...(before === undefined ? {} : { 'uv.lock': before }) })
  await plan('uv lock', { cwd })
  const mark = readFileSync(join(cwd, MARK), 'utf8')
  const killed = kill(mark)
  assert.notEqual(killed, mark)
  writeFileSync(join(cwd, MARK), killed)
  writeFileSync(join(cwd, 'uv.lock'), left)
  return cwd
}
type KilledRun = { readonly before?: string; readonly left: string; readonly kill?: (mark: string) => string }
const OTHER_ENDPOINT = { ...ENDPOINT, url: 'http://127.0.0.1:8401/other', proxyUrl: 'http://127.0.0.1:8401' }

for (const [title, kill] of [
  ['a process that is gone', ofDeadProcess],
  ['an earlier process with our number', (mark: string) => mark.replace(/"started":"[^"]*"/, '"started":"then"')],
] as const) {
  test(`what a killed run left in uv.lock goes at the next: ${title}`, async (t) => {
    if (title.includes('number') && !existsSync('/proc/self/stat')) return t.skip('there is no /proc here')
    const changed = `${uvLock(ENDPOINT.url)}# more\n`
    const cwd = await killedRun({ before: uvLock(ENDPOINT.origin), left: changed, kill })
    const next = await plan('uv sync', { cwd, endpoint: OTHER_ENDPOINT })
    assert.equal(readFileSync(join(cwd, 'uv.lock'), 'utf8'), uvLock(OTHER_ENDPOINT.url))
    await next.finish(0)
    assert.equal(readFileSync(join(cwd, 'uv.lock'), 'utf8'), uvLock(ENDPOINT.origin))
    assert.deepEqual(readdirSync(cwd).toSorted(), ['pyproject.toml', 'uv.lock'])
  })
}

test('half a uv.lock of a killed run is no reason to refuse the next', async () => {
  const half = `${uvLock(ENDPOINT.url)}[[pack`
  const cwd = await killedRun({ before: uvLock(ENDPOINT.origin), left: half })
  await (await plan('uv sync', { cwd })).finish(0)
  assert.equal(readFileSync(join(cwd, 'uv.lock'), 'utf8'), uvLock(ENDPOINT.origin))
})

test('where there was no uv.lock, a killed run leaves none that names a guard', async () => {
  const cwd = await killedRun({ left: uvLock(ENDPOINT.url) })
  const next = await plan('uv lock', { cwd, endpoint: OTHER_ENDPOINT })
  await next.finish(0)
  assert.deepEqual(readdirSync(cwd), ['pyproject.toml'])

  const stopped = await plan('uv lock', { cwd })
  writeFileSync(join(cwd, 'uv.lock'), 'half a f')
  await stopped.finish(137)
  assert.deepEqual(readdirSync(cwd), ['pyproject.toml'])
})

test('a uv.lock that the user made after a killed run is never overwritten', async () => {
  const mine = `${uvLock(ENDPOINT.origin)}# mine\n`
  const cwd = await killedRun({ before: uvLock(ENDPOINT.origin), left: mine })
  await assert.rejects(plan('uv sync', { cwd }), refuses('configuration-refused', /Remove .*\.waxseal\.uv\.lock if/))
  assert.equal(readFileSync(join(cwd, 'uv.lock'), 'utf8'), mine)
  rmSync(join(cwd, MARK))
  await (await plan('uv sync', { cwd })).finish(0)
  assert.equal(readFileSync(join(cwd, 'uv.lock'), 'utf8'), mine)

  // One of a checkout, of nobody.
  writeFileSync(join(cwd, MARK), 'old')
  await assert.rejects(plan('uv sync', { cwd }), refuses('configuration-refused', /was written anew/))
  assert.equal(readFileSync(join(cwd, 'uv.lock'), 'utf8'), mine)

  // Where there was none before, nothing of the user's is kept.
  const fresh = await killedRun({ left: mine })
  await (await plan('uv sync', { cwd: fresh })).finish(0)
  assert.equal(readFileSync(join(fresh, 'uv.lock'), 'utf8'), mine)
})

test('where one uv.lock of a workspace is refused, the others are as they were', async () => {
  const cwd = folder({
    'pyproject.toml': `${PROJECT}[tool.uv.workspace]\nmembers = ["a"]\n`,
    'uv.lock': '[[',
    'a/pyproject.toml': PROJECT,
    'a/uv.lock': uvLock(ENDPOINT.origin),
  })
  await assert.rejects(plan('uv sync', { cwd: join(cwd, 'a') }), refuses('lock-unreadable', /uv\.lock/))
  assert.equal(readFileSync(join(cwd, 'a/uv.lock'), 'utf8'), uvLock(ENDPOINT.origin))
  assert.deepEqual(readdirSync(join(cwd, 'a')).toSorted(), ['pyproject.toml', 'uv.lock'])
})

test('of runs that start together in one project, one has its uv.lock, also after a run that was killed', async () => {
  const before = uvLock(ENDPOINT.origin)
  for (const cwd of [
    folder({ 'pyproject.toml': PROJECT, 'uv.lock': before }),
    await killedRun({ before, left: uvLock(ENDPOINT.url) }),
  ]) {
    const started = await Promise.allSettled(Array.from({ length: 8 }, () => plan('uv sync', { cwd })))
    const plans = started.filter((run) => run.status === 'fulfilled')
    assert.ok(plans.length <= 1, `${plans.length} have it`)
    for (const { value } of plans) await value.finish(0)
    await (await plan('uv sync', { cwd })).finish(0)
    assert.equal(readFileSync(join(cwd, 'uv.lock'), 'utf8'), before)
    assert.deepEqual(readdirSync(cwd).toSorted(), ['pyproject.toml', 'uv.lock'])
  }
})

test('what uv compiles names neither the copies nor the guard', async () => {
  const cwd = folder({ 'in.txt': `x @ ${ENDPOINT.origin}${FILE}\n`, 'out.txt': `--index-url ${ORIGIN_INDEX}\n` })
  const planned = await plan('uv pip compile in.txt -o out.txt', { cwd })
  const [, , , copy = '', , output = ''] = planned.command
  writeFileSync(output, `# uv pip compile ${copy} -o ${output}\nx @ ${ENDPOINT.url}${FILE}\n    # via -r ${copy}\n`)
  assert.deepEqual(await planned.finish(0), [join(cwd, 'out.txt')])
  assert.equal(
    readFileSync(join(cwd, 'out.txt'), 'utf8'),
    `# uv pip compile in.txt -o out.txt\nx @ ${ENDPOINT.origin}${FILE}\n    # via -r in.txt\n`,
  )
  assert.deepEqual(readdirSync(cwd).toSorted(), ['in.txt', 'out.txt'])
})

test('a child that was killed leaves the old lock, and nothing of its own', async () => {
  const cwd = folder({ 'pylock.toml': 'old' })
  const planned = await plan('pip lock x', { cwd })
  writeFileSync(planned.command[3] ?? '', 'half a f')
  assert.deepEqual(await planned.finish(null), [])
  assert.deepEqual(await planned.finish(0), [])
  assert.deepEqual(readdirSync(cwd), ['pylock.toml'])
  assert.equal(readFileSync(join(cwd, 'pylock.toml'), 'utf8'), 'old')
})
