import { basename } from 'node:path'
import { elsewhereNotes, insecureNotes, ONLY_INDEX } from './credential-notes.ts'
import type { SetupPlan, SetupRequest } from './setup-plan.ts'

/** A step of a GitHub workflow, and one that uploads. */
export function planGithub(request: SetupRequest): SetupPlan {
  const secret = '${{ secrets.WAXSEAL_TOKEN }}'
  const variables = installVariables(request, '${{ github.workspace }}')
  const token = request.username === undefined ? [] : [`WAXSEAL_TOKEN: ${secret}`]
  const install = [
    '- name: Install from the index',
    '  env:',
    ...[...variables, ...token].map((line) => `    ${line}`),
    '  run: |',
    ...installCommands(request).map((line) => `    ${line}`),
  ]
  const upload = [
    '- name: Upload to the index',
    '  env:',
    ...[...uploadVariables(request), `TWINE_PASSWORD: ${secret}`].map((line) => `    ${line}`),
    '  run: twine upload --non-interactive dist/*',
  ]
  return plan(request, 'Settings, Secrets and variables, Actions: a secret WAXSEAL_TOKEN', [
    ['A step of a workflow: install', install],
    ['A step of a workflow: upload', upload],
  ])
}

/** A job of a GitLab pipeline, and one that uploads. */
export function planGitlab(request: SetupRequest): SetupPlan {
  const variables = installVariables(request, '$CI_PROJECT_DIR')
  const install = [
    'install:',
    '  variables:',
    ...variables.map((line) => `    ${line}`),
    '  script:',
    '    - |',
    ...installCommands(request).map((line) => `      ${line}`),
  ]
  const upload = [
    'upload:',
    '  variables:',
    ...uploadVariables(request).map((line) => `    ${line}`),
    '  script:',
    '    - TWINE_PASSWORD="$WAXSEAL_TOKEN" twine upload --non-interactive dist/*',
  ]
  return plan(request, 'Settings, CI/CD, Variables: WAXSEAL_TOKEN, masked and protected', [
    ['.gitlab-ci.yml: a job that installs', install],
    ['.gitlab-ci.yml: a job that uploads', upload],
  ])
}

function plan(
  request: SetupRequest,
  secretPlace: string,
  parts: readonly (readonly [title: string, lines: readonly string[]])[],
): SetupPlan {
  const { ca } = request
  return {
    files: [],
    snippets: parts.map(([title, lines]) => ({ title, text: lines.map((line) => `${line}\n`).join('') })),
    conflicts: [],
    notes: [
      ONLY_INDEX,
      ...insecureNotes(request),
      ...elsewhereNotes(request),
      `The token: ${secretPlace}. A token for one project (waxseal token create --scope upload --project NAME) is enough to upload it.`,
      ...(ca === undefined
        ? []
        : [`Certificates: commit ${basename(ca)} at the top of the repository; it is no secret.`]),
    ],
  }
}

/** Values are JSON strings, which YAML reads as they are. */
function installVariables({ index, ca }: SetupRequest, folder: string): readonly string[] {
  const url = JSON.stringify(index.simple)
  const file = ca === undefined ? undefined : JSON.stringify(`${folder}/${basename(ca)}`)
  return [
    `PIP_INDEX_URL: ${url}`,
    `UV_DEFAULT_INDEX: ${url}`,
    ...(file === undefined ? [] : [`PIP_CERT: ${file}`, `SSL_CERT_FILE: ${file}`]),
  ]
}

function uploadVariables({ index, username = '__token__' }: SetupRequest): readonly string[] {
  return [`TWINE_REPOSITORY_URL: ${JSON.stringify(index.legacy)}`, `TWINE_USERNAME: ${JSON.stringify(username)}`]
}

/** The token goes from the job's environment into a file of the job's user; it is no argument of a program. */
function installCommands({ index, username }: SetupRequest): readonly string[] {
  const install = 'pip install --requirement requirements.txt'
  if (username === undefined) return [install]
  return [
    `(umask 077; printf 'machine %s login %s password %s\\n' ${index.hostname} ${username} "$WAXSEAL_TOKEN" >> "$HOME/.netrc")`,
    install,
  ]
}
