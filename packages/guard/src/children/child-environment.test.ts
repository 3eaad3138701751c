import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { childEnvironment } from './child-environment.ts'

const ENDPOINT = {
  url: 'http://127.0.0.1:8400/secret',
  proxyUrl: 'http://127.0.0.1:8400',
  origin: 'https://packages.example',
}
const INDEX = 'http://127.0.0.1:8400/secret/simple/'

test('what names a source, holds credentials or leads past the guard is taken away', () => {
  const env = childEnvironment(
    Object.fromEntries(
      `PIP_EXTRA_INDEX_URL PIP_FIND_LINKS PIP_TRUSTED_HOST PIP_PROXY PIP_CERT PIP_CLIENT_CERT PIP_ISOLATED PIP_NO_INDEX PIP_EDITABLE
      PIP_NO_PROXY_ENV PIP_PYPI_URL PIP_TIMEOUT PIP_CACHE_DIR UV_INDEX UV_INDEX_WORK_PASSWORD UV_INDEX_WORK_USERNAME UV_EXTRA_INDEX_URL
      UV_FIND_LINKS UV_CONFIG_FILE UV_INSECURE_HOST UV_TORCH_BACKEND UV_PUBLISH_TOKEN UV_CACHE_DIR UV_CREDENTIALS_DIR PDM_PYPI_USERNAME
      PDM_PYPI_PASSWORD PDM_PYPI_VERIFY_SSL PDM_PUBLISH_PASSWORD PDM_IGNORE_STORED_INDEX PIPENV_TEST_INDEX PIPENV_EXTRA_PIP_ARGS
      PIPENV_KEYRING_PROVIDER PIPENV_DONT_LOAD_ENV PIPENV_DOTENV_LOCATION UV_ENV_FILE POETRY_HTTP_BASIC_WORK_PASSWORD POETRY_REPOSITORIES_WORK_URL TWINE_PASSWORD WAXSEAL_ADMIN_TOKEN
      FTP_PROXY ftp_proxy socks_proxy REQUESTS_CA_BUNDLE CURL_CA_BUNDLE SSL_CERT_FILE SSL_CLIENT_CERT KEYRING_PROPERTY_X`
        .split(/\s+/)
        .map((name) => [name, 'users']),
    ),
    ENDPOINT,
    false,
  )
  assert.deepEqual(
    Object.entries(env).filter(([, value]) => value === 'users'),
    [],
  )
})

test('what is harmless stays', () => {
  const kept = {
    PATH: '/bin',
    HOME: '/home/ada',
    PYTHONPATH: 'src',
    VIRTUAL_ENV: '/venv',
    PIP_ONLY_BINARY: ':all:',
    PIP_CONSTRAINT: 'constraints.txt',
    UV_PYTHON: '3.12',
    PDM_PROJECT: '.',
    PIPENV_VENV_IN_PROJECT: '1',
  }
  const env = childEnvironment(kept, ENDPOINT, false)
  for (const [name, value] of Object.entries(kept)) assert.equal(env[name], value, name)
})

test('every child gets the guard as the only source of every client, and its port as the only way out', () => {
  const env = childEnvironment(
    { PIP_INDEX_URL: 'https://elsewhere.example/', HTTPS_PROXY: 'http://proxy.example', no_proxy: '*' },
    ENDPOINT,
    false,
  )
  for (const name of ['PIP_INDEX_URL', 'UV_DEFAULT_INDEX', 'UV_INDEX_URL', 'PDM_PYPI_URL', 'PIPENV_PYPI_MIRROR']) {
    assert.equal(env[name], INDEX, name)
  }
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY']) {
    assert.equal(env[name], ENDPOINT.proxyUrl)
    assert.equal(env[name.toLowerCase()], ENDPOINT.proxyUrl)
  }
  assert.equal(env['NO_PROXY'], '')
  assert.equal(env['no_proxy'], '')
  assert.equal(env['GIT_ALLOW_PROTOCOL'], 'file')
  for (const name of ['SVN_SSH', 'BZR_SSH', 'BRZ_SSH']) assert.equal(env[name], 'false', name)
})

test('direct URLs that are allowed lead to the port of the guard, never past it by ssh', () => {
  const env = childEnvironment({ GIT_ALLOW_PROTOCOL: 'ssh:https' }, ENDPOINT, true)
  assert.equal(env['GIT_ALLOW_PROTOCOL'], 'file:http:https')
  for (const name of ['SVN_SSH', 'BZR_SSH', 'BRZ_SSH']) assert.equal(env[name], 'false', name)
  const ssh = spawnSync('git', ['ls-remote', 'ssh://git@127.0.0.1:9/x'], {
    env: { PATH: process.env['PATH'], ...env },
    encoding: 'utf8',
  })
  assert.match(ssh.stderr, /transport 'ssh' not allowed/)
})

test('uv, which no test here can run, gets exactly this', () => {
  const env = childEnvironment({ UV_NO_CONFIG: '0', UV_NO_ENV_FILE: '0', UV_LINK_MODE: 'copy' }, ENDPOINT, false)
  assert.deepEqual(Object.fromEntries(Object.entries(env).filter(([name]) => name.startsWith('UV_'))), {
    UV_DEFAULT_INDEX: INDEX,
    UV_INDEX_URL: INDEX,
    UV_INDEX_STRATEGY: 'first-index',
    UV_NO_CONFIG: '1',
    UV_NO_CACHE: '1',
    UV_KEYRING_PROVIDER: 'disabled',
    UV_NO_ENV_FILE: '1',
    UV_HTTP_TIMEOUT: '3600',
    UV_LINK_MODE: 'copy',
  })
})
