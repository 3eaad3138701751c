import { join } from 'node:path'
import { IniFile } from '@waxseal/guard/configuration'
import { unsetIt } from './credential-notes.ts'
import type { Edit, SetupPlan, SetupRequest } from './setup-plan.ts'
import { sameUrl } from './setup-plan.ts'

/** ~/.pypirc: a section for uploads. The password is in it only when a file with the token was given. */
export function planTwine(request: SetupRequest): SetupPlan {
  const { index, name, token, ca, username = '__token__' } = request
  const path = join(request.home, '.pypirc')
  const rest = `${token === undefined ? '' : 'password = TOKEN\n'}${ca === undefined ? '' : `ca_cert = ${ca}\n`}`
  return {
    files: [
      {
        path,
        shown: `[distutils]\nindex-servers =\n    ${name}\n\n[${name}]\nrepository = ${index.legacy}\nusername = ${username}\n${rest}`,
        secret: true,
        edit: (before) => pypircEdit(before ?? '', path, request),
      },
    ],
    snippets: [],
    conflicts: environmentConflicts(request),
    notes: [
      `Upload: twine upload -r ${name} dist/*. flit, PDM and hatch read the same file.`,
      token === undefined
        ? `The token is not in the file: twine asks for it, or takes TWINE_PASSWORD, or a keyring (keyring set ${index.legacy} ${username}). In the file: --token-file FILE.`
        : 'The token goes into the file, which only you may read. Without --token-file it stays out of it.',
      ...(index.insecure
        ? ['Plain http to another machine shows the token to anybody on the way. Serve it over HTTPS.']
        : []),
    ],
  }
}

function pypircEdit(before: string, path: string, request: SetupRequest): Edit {
  const { index, name, token, ca, username = '__token__' } = request
  const file = new IniFile(before, path)
  const conflicts: string[] = []
  const repository = file.get(name, 'repository')
  if (repository !== undefined && !sameUrl(repository, index.legacy)) {
    conflicts.push(
      `${path}: [${name}] is another repository. Choose another --index name, or have it replaced with --force.`,
    )
  }
  const user = file.get(name, 'username')
  if (user !== undefined && user !== username) {
    conflicts.push(`${path}: [${name}] has another user. Say --username, or have it replaced with --force.`)
  }
  const password = file.get(name, 'password')
  if (token !== undefined && password !== undefined && password !== token) {
    conflicts.push(`${path}: [${name}] has another password. Remove it, or have it replaced with --force.`)
  }
  const servers = (file.get('distutils', 'index-servers') ?? '').split(/\s+/).filter((server) => server !== '')
  // twine knows pypi by itself as long as nobody lists servers.
  if (!servers.includes(name)) file.set('distutils', 'index-servers', ['', ...servers, name].join('\n'))
  if (repository === undefined || !sameUrl(repository, index.legacy)) file.set(name, 'repository', index.legacy)
  file.set(name, 'username', username)
  if (token !== undefined) file.set(name, 'password', token)
  if (ca !== undefined) file.set(name, 'ca_cert', ca)
  return { text: file.toString(), conflicts }
}

/** With the first of them twine asks no file at all; the others come before what the file says. */
function environmentConflicts({ env, index, token, username = '__token__' }: SetupRequest): readonly string[] {
  const url = env['TWINE_REPOSITORY_URL'] ?? ''
  const user = env['TWINE_USERNAME'] ?? ''
  const password = env['TWINE_PASSWORD'] ?? ''
  return [
    ...(url === '' || sameUrl(url, index.legacy) ? [] : [unsetIt('TWINE_REPOSITORY_URL', url)]),
    ...(user === '' || user === username ? [] : [unsetIt('TWINE_USERNAME')]),
    ...(token === undefined || password === '' || password === token ? [] : [unsetIt('TWINE_PASSWORD')]),
  ]
}
