import type { GuardEndpoint } from '../endpoint.ts'
import { urlMapping } from './url-mapping.ts'

/** Options of pip as variables that neither name a source nor weaken anything; every other `PIP_*` is taken away. */
const HARMLESS_PIP = new Set(
  `ABI ALL_RELEASES BREAK_SYSTEM_PACKAGES BUILD_CONSTRAINT CHECK_BUILD_DEPENDENCIES COMPILE CONFIG_SETTINGS CONSTRAINT DRY_RUN
  EXISTS_ACTION FORCE_REINSTALL IGNORE_INSTALLED IGNORE_REQUIRES_PYTHON IMPLEMENTATION LOG NO_BINARY NO_BUILD_ISOLATION NO_CLEAN
  NO_COLOR NO_COMPILE NO_DEPENDENCIES NO_DEPS NO_PYTHON_VERSION_WARNING NO_USER NO_WARN_CONFLICTS NO_WARN_SCRIPT_LOCATION
  ONLY_BINARY ONLY_DEPENDENCIES ONLY_DEPS ONLY_FINAL PLATFORM PRE PREFER_BINARY PREFIX PROGRESS_BAR PYTHON_VERSION QUIET
  REQUIREMENT REQUIRE_HASHES REQUIRE_VENV REQUIRE_VIRTUALENV RESUME_RETRIES RETRIES ROOT ROOT_USER_ACTION SRC TARGET UPGRADE
  UPGRADE_STRATEGY UPLOADED_PRIOR_TO USER USE_PEP517 VERBOSE`
    .split(/\s+/)
    .map((name) => `PIP_${name}`),
)
const HARMLESS_UV = new Set(
  `BREAK_SYSTEM_PACKAGES BUILD_CONSTRAINT COMPILE_BYTECODE COMPILE_BYTECODE_TIMEOUT CONCURRENT_BUILDS CONCURRENT_DOWNLOADS
  CONCURRENT_INSTALLS CONSTRAINT CUSTOM_COMPILE_COMMAND DEV EXCLUDE EXCLUDE_NEWER FORK_STRATEGY FROZEN HTTP_RETRIES ISOLATED LIBC
  LINK_MODE LOCKED LOG_CONTEXT MANAGED_PYTHON NO_BINARY NO_BINARY_PACKAGE NO_BUILD NO_BUILD_ISOLATION NO_BUILD_PACKAGE NO_DEV
  NO_EDITABLE NO_GROUP NO_DEFAULT_GROUPS NO_INSTALLER_METADATA NO_MANAGED_PYTHON NO_PROGRESS NO_SOURCES NO_SYNC
  NO_SYSTEM NO_WRAP OFFLINE OVERRIDE PRERELEASE PREVIEW PREVIEW_FEATURES PROJECT PROJECT_ENVIRONMENT PYTHON PYTHON_BIN_DIR
  PYTHON_DOWNLOADS PYTHON_INSTALL_DIR PYTHON_PREFERENCE REQUIRE_HASHES RESOLUTION SHOW_RESOLUTION STACK_SIZE SYSTEM_PYTHON
  TOOL_BIN_DIR TOOL_DIR VENV_CLEAR VENV_SEED WORKING_DIR WORKING_DIRECTORY`
    .split(/\s+/)
    .map((name) => `UV_${name}`),
)
const HARMLESS_PDM = new Set(
  `BUILD_ISOLATION CHECK_UPDATE FROZEN_LOCKFILE IGNORE_ACTIVE_VENV IGNORE_SAVED_PYTHON INSTALL_PARALLEL IN_VENV LOCKFILE LOCK_FORMAT
  LOG_DIR NON_INTERACTIVE NO_BINARY NO_EDITABLE NO_LOCK NO_SELF ONLY_BINARY PREFER_BINARY PROJECT PYTHON PYTHON_VERSION
  RESOLVE_MAX_ROUNDS RUN_CWD SCRIPTS_SHOW_HEADER SKIP_HOOKS USE_PYTHON_VERSION USE_VENV VENV_BACKEND VENV_IN_PROJECT VENV_PROMPT
  VENV_WITH_PIP`
    .split(/\s+/)
    .map((name) => `PDM_${name}`),
)
const HARMLESS_PIPENV = new Set(
  `ACTIVE COLORBLIND CUSTOM_VENV_NAME DEFAULT_CATEGORIES DEFAULT_PYTHON_VERSION DONT_USE_ASDF DONT_USE_PYENV
  DONT_USE_PYMANAGER EMULATOR HIDE_EMOJIS IGNORE_VIRTUALENVS INSTALL_TIMEOUT IS_CI MAX_DEPTH MAX_RETRIES NOSPIN
  NO_INHERIT PIPFILE PYENV_AUTO_INSTALL PYENV_ONLY PYTHON QUIET RESOLVER_TIMEOUT_S RESOLVE_VCS SHELL SHELL_EXPLICIT SHELL_FANCY
  SKIP_LOCK SPINNER TIMEOUT VENV_IN_PROJECT VERBOSE VERBOSITY VIRTUALENV VIRTUALENV_COPIES VIRTUALENV_CREATOR YES`
    .split(/\s+/)
    .map((name) => `PIPENV_${name}`),
)
const FAMILIES: readonly (readonly [RegExp, ReadonlySet<string>])[] = [
  [/^PIP_/, HARMLESS_PIP],
  [/^UV_/, HARMLESS_UV],
  [/^PDM_/, HARMLESS_PDM],
  [/^PIPENV_/, HARMLESS_PIPENV],
]
/** Sources, credentials, proxies and certificates of others; any `…_proxy` counts for Python. */
const TAKEN_AWAY =
  /^(?:POETRY_|TWINE_|WAXSEAL_|FLIT_|HATCH_INDEX|KEYRING_|PYTHON_KEYRING|PYX_|NETRC$|VIRTUALENV_EXTRA_SEARCH_DIR$|VIRTUALENV_CONFIG_FILE$|REQUESTS_CA_BUNDLE$|CURL_CA_BUNDLE$|SSL_CERT_FILE$|SSL_CERT_DIR$|SSL_CLIENT_CERT$)|_proxy$/i
/** The guard hands out a file only when it is whole, and has deadlines of its own. */
const PATIENCE_SECONDS = '3600'
/** In the place of ssh: it starts, says nothing, and fails. */
export const NO_PROGRAM = 'false'
const NO_FILE = process.platform === 'win32' ? 'nul' : '/dev/null'

/**
 * The environment of a child, whatever its name: the clients that it starts itself (make, tox, a build) get it too. Nothing in it
 * names a source but the guard, and both proxies are the guard's port, so that a way around it fails loudly.
 */
export function childEnvironment(
  env: NodeJS.ProcessEnv,
  endpoint: GuardEndpoint,
  allowDirectUrls: boolean,
): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => isKept(name))
  return { ...Object.fromEntries(kept), ...guardVariables(endpoint, allowDirectUrls) }
}

function isKept(name: string): boolean {
  const family = FAMILIES.find(([pattern]) => pattern.test(name))
  return family === undefined ? !TAKEN_AWAY.test(name) : family[1].has(name)
}

function guardVariables(endpoint: GuardEndpoint, allowDirectUrls: boolean): Readonly<Record<string, string>> {
  const index = urlMapping(endpoint).loopbackIndex
  const proxy = endpoint.proxyUrl
  return {
    PIP_INDEX_URL: index,
    PIP_CONFIG_FILE: NO_FILE,
    // The guard has the cache; a loopback URL is never seen again.
    PIP_NO_CACHE_DIR: '1',
    PIP_DEFAULT_TIMEOUT: PATIENCE_SECONDS,
    PIP_KEYRING_PROVIDER: 'disabled',
    PIP_NO_INPUT: '1',
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
    UV_DEFAULT_INDEX: index,
    // Versions before 0.4.23.
    UV_INDEX_URL: index,
    UV_INDEX_STRATEGY: 'first-index',
    UV_NO_CONFIG: '1',
    UV_NO_CACHE: '1',
    UV_KEYRING_PROVIDER: 'disabled',
    UV_NO_ENV_FILE: '1',
    UV_HTTP_TIMEOUT: PATIENCE_SECONDS,
    PDM_PYPI_URL: index,
    PDM_USE_UV: '0',
    PDM_REQUEST_TIMEOUT: PATIENCE_SECONDS,
    PDM_CHECK_UPDATE: '0',
    PIPENV_PYPI_MIRROR: index,
    // A project's `.env` would overwrite all of this.
    PIPENV_DONT_LOAD_ENV: '1',
    PIPENV_REQUESTS_TIMEOUT: PATIENCE_SECONDS,
    NETRC: NO_FILE,
    PYTHON_KEYRING_BACKEND: 'keyring.backends.null.Keyring',
    HTTP_PROXY: proxy,
    http_proxy: proxy,
    HTTPS_PROXY: proxy,
    https_proxy: proxy,
    ALL_PROXY: proxy,
    all_proxy: proxy,
    NO_PROXY: '',
    no_proxy: '',
    // ssh goes past any proxy.
    GIT_ALLOW_PROTOCOL: allowDirectUrls ? 'file:http:https' : 'file',
    SVN_SSH: NO_PROGRAM,
    BZR_SSH: NO_PROGRAM,
    BRZ_SSH: NO_PROGRAM,
  }
}
