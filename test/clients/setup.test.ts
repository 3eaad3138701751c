import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { clientTest, outsideRequests, runScrubbed, wantedClients, type Client } from '../support/clients.ts'
import { buildWheel } from '../support/python-projects.ts'
import { startWaxseal, type RunningServer } from '../support/server.ts'
import { startSimulator, type Simulator } from '../support/upstream-simulator.ts'
import { assertInstalled, assertSuccess, upload, workFolder } from './scene.ts'

const MAIN = resolve(import.meta.dirname, '../../packages/waxseal/bin/waxseal.js')

let upstream: Simulator
/** Reading it takes a token; installing from it proves configuration and credentials at once. */
let server: RunningServer
let token: string
const wheel = buildWheel({ name: 'acme-app', version: '1.0' })
before(async () => {
  upstream = await startSimulator()
  server = await startWaxseal({ upstreams: new Map([['empty', upstream.simpleUrl]]), args: ['--private'] })
  await upload(server, wheel)
  token = await server.createToken({ scope: 'upload' })
})
after(async () => {
  await server?.stop()
  await upstream?.[Symbol.asyncDispose]()
  assert.deepEqual(outsideRequests(), [], 'a client that was set up asked another host than the index')
})

/** What a client's user has: a home that `waxseal setup` wrote to, and nothing that would say where an index is. */
const homeOf = (folder: string) => ({
  HOME: join(folder, 'home'),
  XDG_CONFIG_HOME: join(folder, 'home/.config'),
  XDG_CONFIG_DIRS: join(folder, 'home/xdg'),
  PIP_CONFIG_FILE: undefined,
})

/** Runs `waxseal setup CLIENT --write` as that user, with the token on standard input. */
const setUp = async (folder: string, client: string, args: readonly string[] = []): Promise<string> => {
  mkdirSync(join(folder, 'home'), { recursive: true })
  const all = ['setup', client, '--url', server.url, '--project-dir', folder, ...args]
  const withToken = args.includes('--token-file') ? token : ''
  const env = { PATH: process.env['PATH'], ...homeOf(folder) }
  const child = spawn(process.execPath, [MAIN, ...all], { cwd: folder, env, stdio: ['pipe', 'pipe', 'pipe'] })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  child.stdin.end(withToken)
  const [code] = (await once(child, 'close')) as [number | null]
  assert.equal(code, 0, said)
  return said
}

const WRITE = ['--write', '--token-file', '-']

for (const wanted of wantedClients('pip')) {
  clientTest(wanted, 'installs from a private index after `waxseal setup pip`, with no option', async (pip) => {
    await using work = await workFolder()
    const options = { cwd: work.path, env: homeOf(work.path) }
    await setUp(work.path, 'pip', WRITE)
    assertSuccess(await pip.run(['install', '--target', 'out', 'acme-app'], options))
    readFileSync(join(work.path, 'out/acme_app-1.0.dist-info/METADATA'))
  })
}

/** What a client is told by its files before `waxseal setup`: another index, which has the higher version. */
type Rivalry = {
  /** Of the file under the home or the project, for the URL of the rival. */
  readonly files: (url: string) => Readonly<Record<string, string>>
  readonly install: (client: Client, cwd: string, env: ReturnType<typeof homeOf>) => Promise<void>
}

const SOURCE = (name: string, url: string, more = '') => `name = "${name}"\nurl = "${url}"\n${more}`
const PROJECT =
  '[project]\nname = "consumer"\nversion = "1.0"\nrequires-python = ">=3.11"\ndependencies = ["acme-app"]\n'

const RIVALRIES: Readonly<Record<'pip' | 'poetry' | 'pdm' | 'pipenv', Rivalry>> = {
  pip: {
    files: (url) => ({ 'home/.config/pip/pip.conf': `[DEFAULT]\n  --extra-index-url =\n    ${url}\n[global]\n` }),
    install: async (pip, cwd, env) => {
      assertSuccess(await pip.run(['install', '--target', 'out', 'acme-app'], { cwd, env }))
    },
  },
  poetry: {
    files: (url) => ({
      'pyproject.toml': `[tool.poetry]\nname = "consumer"\nversion = "1.0"\ndescription = ""\nauthors = []\n[tool.poetry.dependencies]\npython = "^3.11"\nacme-app = "*"\n[[tool.poetry.source]]\n${SOURCE('rival', url)}`,
    }),
    install: async (poetry, cwd, home) => {
      const env = { ...home, POETRY_VIRTUALENVS_IN_PROJECT: 'true', POETRY_VIRTUALENVS_CREATE: 'true' }
      assertSuccess(await poetry.run(['lock'], { cwd, env }))
      assertSuccess(await poetry.run(['install', '--no-root'], { cwd, env }))
    },
  },
  pdm: {
    files: (url) => ({
      'pyproject.toml': `${PROJECT}[[tool.pdm.source]]\n${SOURCE('rival', url)}`,
    }),
    install: async (pdm, cwd, env) => {
      await useEnvironment(pdm, cwd, env)
      assertSuccess(await pdm.run(['install', '--no-self'], { cwd, env }))
    },
  },
  pipenv: {
    files: (url) => ({
      Pipfile: `[[source]]\n${SOURCE('pypi', 'https://pypi.org/simple', 'verify_ssl = true\n')}[[source]]\n${SOURCE('rival', url, 'verify_ssl = true\n')}[packages]\nacme-app = "*"\n`,
    }),
    install: async (pipenv, cwd, home) => {
      const python = { PIPENV_DEFAULT_PYTHON_VERSION: pipenv.python, PIPENV_PYTHON: pipenv.python }
      const env = { ...home, ...python, PIPENV_VENV_IN_PROJECT: '1' }
      assertSuccess(await pipenv.run(['install'], { cwd, env }))
    },
  },
}

const rivalWheel = buildWheel({ name: 'acme-app', version: '9.0' })

for (const name of ['pip', 'poetry', 'pdm', 'pipenv'] as const) {
  for (const wanted of wantedClients(name)) {
    clientTest(wanted, `DC-7 asks no other index after \`waxseal setup ${name} --force\``, async (client) => {
      await using work = await workFolder()
      await using rival = await startSimulator()
      rival.addProject({ name: 'acme-app', files: [{ filename: rivalWheel.filename, bytes: rivalWheel.bytes }] })
      const { files, install } = RIVALRIES[name]
      for (const [path, text] of Object.entries(files(rival.simpleUrl))) {
        mkdirSync(dirname(join(work.path, path)), { recursive: true })
        writeFileSync(join(work.path, path), text)
      }
      // Words of the format as values: they are not what ends an entry.
      mkdirSync(join(work.path, 'home'), { recursive: true })
      const netrc = 'machine other.example login default password machine\n'
      writeFileSync(join(work.path, 'home/.netrc'), netrc)
      await setUp(work.path, name, [...WRITE, '--force', '--client-version', client.version])
      await install(client, work.path, homeOf(work.path))
      assert.deepEqual(rival.requests, [])
      assert.ok(readFileSync(join(work.path, 'home/.netrc'), 'utf8').startsWith(netrc))
    })
  }
}

const writePyproject = (folder: string, text: string) => writeFileSync(join(folder, 'pyproject.toml'), text)

for (const wanted of wantedClients('poetry')) {
  clientTest(wanted, 'installs from a private index after `waxseal setup poetry`', async (poetry) => {
    await using work = await workFolder()
    writePyproject(
      work.path,
      `[tool.poetry]\nname = "consumer"\nversion = "1.0"\ndescription = ""\nauthors = []\n[tool.poetry.dependencies] # kept\npython = "^3.11"\nacme-app = "*"\n`,
    )
    await setUp(work.path, 'poetry', [...WRITE, '--client-version', poetry.version])
    const env = { ...homeOf(work.path), POETRY_VIRTUALENVS_IN_PROJECT: 'true', POETRY_VIRTUALENVS_CREATE: 'true' }
    const options = { cwd: work.path, env }
    assertSuccess(await poetry.run(['lock'], options))
    assertSuccess(await poetry.run(['install', '--no-root'], options))
    assertInstalled(work.path, [wheel])
  })
}

/** A bare environment: PDM 2.2 would install into `__pypackages__` without one. */
const useEnvironment = async (pdm: Client, cwd: string, env: ReturnType<typeof homeOf>) => {
  assertSuccess(await runScrubbed([pdm.python, '-m', 'venv', '--without-pip', '.venv'], '/usr/bin:/bin', { cwd, env }))
  assertSuccess(await pdm.run(['use', '--first', join(cwd, '.venv/bin/python')], { cwd, env }))
}

for (const wanted of wantedClients('pdm')) {
  for (const scope of ['project', 'user']) {
    clientTest(wanted, `installs from a private index after \`waxseal setup pdm --scope ${scope}\``, async (pdm) => {
      await using work = await workFolder()
      writePyproject(
        work.path,
        `[project]\nname = "consumer"\nversion = "1.0"\nrequires-python = ">=3.11"\ndependencies = ["acme-app"]\n`,
      )
      await setUp(work.path, 'pdm', [...WRITE, '--scope', scope])
      const env = homeOf(work.path)
      await useEnvironment(pdm, work.path, env)
      assertSuccess(await pdm.run(['install', '--no-self'], { cwd: work.path, env }))
      assertInstalled(work.path, [wheel])
    })
  }
}

for (const wanted of wantedClients('pipenv')) {
  clientTest(wanted, 'installs from a private index after `waxseal setup pipenv`', async (pipenv) => {
    await using work = await workFolder()
    writeFileSync(
      join(work.path, 'Pipfile'),
      '[[source]]\nurl = "https://pypi.org/simple"\nverify_ssl = true\nname = "pypi"\n\n[packages] # kept\nacme-app = {version = "*", index = "pypi"}\n',
    )
    await setUp(work.path, 'pipenv', WRITE)
    const env = {
      ...homeOf(work.path),
      PIPENV_VENV_IN_PROJECT: '1',
      PIPENV_DEFAULT_PYTHON_VERSION: pipenv.python,
      PIPENV_PYTHON: pipenv.python,
    }
    assertSuccess(await pipenv.run(['install'], { cwd: work.path, env }))
    assertInstalled(work.path, [wheel])
  })
}

for (const wanted of wantedClients('twine')) {
  clientTest(
    wanted,
    'uploads after `waxseal setup twine`: with the token in the file, or in the environment',
    async (twine) => {
      await using work = await workFolder()
      const file = buildWheel({ name: `set-up-${twine.generation}`, version: '1.0' })
      mkdirSync(join(work.path, 'dist'))
      writeFileSync(join(work.path, 'dist', file.filename), file.bytes)
      const run = (env: Readonly<Record<string, string>> = {}) =>
        twine.run(['upload', '--non-interactive', '-r', 'waxseal', `dist/${file.filename}`], {
          cwd: work.path,
          env: { ...homeOf(work.path), ...env },
        })
      await setUp(work.path, 'twine', ['--write'])
      assert.ok(!readFileSync(join(work.path, 'home/.pypirc'), 'utf8').includes('password'))
      assertSuccess(await run({ TWINE_PASSWORD: token }))
      await setUp(work.path, 'twine', WRITE)
      assertSuccess(await run())
    },
  )
}

/** YAML as others read it: Debian's python3-yaml, since no parser is among our dependencies. */
const readYaml = (text: string): unknown => {
  const script = 'import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)'
  const read = spawnSync('/usr/bin/python3', ['-c', script], { input: text, encoding: 'utf8' })
  assert.equal(read.status, 0, `${read.stderr}\n${text}`)
  return JSON.parse(read.stdout)
}

const hasYaml = spawnSync('/usr/bin/python3', ['-c', 'import yaml']).status === 0
const snippetTest = (title: string, body: () => Promise<void>): void => {
  void test(title, async (t) => {
    if (hasYaml && wantedClients('pip', 'twine').some(({ client }) => client?.generation === 'bookworm'))
      return await body()
    const advice = 'python3-yaml, pip or twine is not here: .ci/run installs them'
    if (process.env['CI']) throw new Error(advice)
    t.skip(advice)
  })
}

type Snippets = { readonly snippets: readonly { readonly title: string; readonly text: string }[] }

/** Runs what a snippet runs, as the job of a service does: its variables, its shell, an empty home. */
const runSnippet = async (folder: string, script: string, env: Readonly<Record<string, string>>) => {
  writeFileSync(join(folder, 'requirements.txt'), 'acme-app\n')
  const options = { cwd: folder, env: { ...homeOf(folder), PIP_TARGET: join(folder, 'out'), ...env } }
  assertSuccess(await runScrubbed(['/bin/sh', '-ec', script], '/usr/bin:/bin', options))
}

const snippetsOf = async (folder: string, client: string): Promise<Snippets['snippets']> =>
  (JSON.parse(await setUp(folder, client, ['--username', '__token__', '--json'])) as Snippets).snippets

snippetTest('the lines for GitHub and GitLab are YAML, install from a private index and upload to it', async () => {
  for (const client of ['github', 'gitlab'] as const) {
    await using work = await workFolder()
    const [install, uploading] = (await snippetsOf(work.path, client)).map(({ text }) => readYaml(text))
    const [installJob, uploadJob] =
      client === 'github'
        ? [install, uploading].map((steps) => (steps as readonly Job[])[0])
        : [(install as { readonly install: Job }).install, (uploading as { readonly upload: Job }).upload]
    await runSnippet(work.path, scriptOf(installJob), { WAXSEAL_TOKEN: token, ...variablesOf(installJob) })
    readFileSync(join(work.path, 'out/acme_app-1.0.dist-info/METADATA'))
    const file = buildWheel({ name: `from-${client}`, version: '1.0' })
    mkdirSync(join(work.path, 'dist'))
    writeFileSync(join(work.path, 'dist', file.filename), file.bytes)
    await runSnippet(work.path, scriptOf(uploadJob), { WAXSEAL_TOKEN: token, ...variablesOf(uploadJob) })
  }
})

type Job = {
  readonly env?: Readonly<Record<string, string>>
  readonly variables?: Readonly<Record<string, string>>
  readonly run?: string
  readonly script?: readonly string[]
}

const variablesOf = (job: Job | undefined): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(job?.env ?? job?.variables ?? {}).map(([name, value]) => [
      name,
      value.replace('${{ secrets.WAXSEAL_TOKEN }}', token),
    ]),
  )

const scriptOf = (job: Job | undefined): string => job?.run ?? job?.script?.join('\n') ?? 'false'

snippetTest('the lines for a Dockerfile keep the token out of the image, and their RUN installs', async () => {
  await using work = await workFolder()
  const [dockerfile] = await snippetsOf(work.path, 'docker')
  const lines = (dockerfile?.text ?? '').split('\n')
  assert.equal(lines[0], '# syntax=docker/dockerfile:1')
  assert.doesNotMatch(dockerfile?.text ?? '', /^ARG|TOKEN|__token__/m)
  const variables =
    lines
      .find((line) => line.startsWith('ENV '))
      ?.slice('ENV '.length)
      .split(' ') ?? []
  const run = /^RUN --mount=type=secret,id=netrc,target=\/root\/\.netrc,mode=0400,required=true (.*)$/m.exec(
    dockerfile?.text ?? '',
  )
  mkdirSync(join(work.path, 'home'), { recursive: true })
  const netrc = `machine ${new URL(server.url).hostname} login __token__ password ${token}\n`
  writeFileSync(join(work.path, 'home/.netrc'), netrc)
  await runSnippet(
    work.path,
    run?.[1] ?? 'false',
    Object.fromEntries(variables.map((it) => it.split('=')) as [string, string][]),
  )
  readFileSync(join(work.path, 'out/acme_app-1.0.dist-info/METADATA'))
})
