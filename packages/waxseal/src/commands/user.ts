import { createUser, disableUser, enableUser, listUsers, OPERATOR, setPassword } from '@waxseal/index'
import type { Command } from 'commander'
import type { AdministerOptions } from '../administer.ts'
import { administer, withIndexOptions } from '../administer.ts'
import { withExample } from '../help.ts'
import { columns, printResult } from '../output.ts'
import { readSecretFile } from '../secret-file.ts'

interface PasswordOptions extends AdministerOptions {
  readonly passwordFile?: string
}

function passwordFrom(file: string | undefined): string | undefined {
  return file === undefined ? undefined : readSecretFile(file, '--password-file').replace(/\r?\n$/, '')
}

export function addUser(program: Command): void {
  const user = program.command('user').description('create, list and disable users')
  withExample(withIndexOptions(user.command('create')), 'waxseal user create alice --password-file - < secret.txt')
    .description('create a user')
    .argument('<name>', 'lower-case letters, digits, ".", "_" and "-"')
    .option('--admin', 'an administrator')
    .option('--password-file <file>', 'the password is the content of this file; - reads standard input')
    .action((name: string, options: PasswordOptions & { readonly admin?: boolean }) =>
      administer(options, async (index) => {
        const password = passwordFrom(options.passwordFile)
        const admin = options.admin === true
        const given = password === undefined ? {} : { password }
        await createUser(index.store, index.clock, { name, admin, by: OPERATOR, ...given })
        printResult(options, { name, admin }, [`Made the ${admin ? 'administrator' : 'user'} ${name}.`])
      }),
    )
  withExample(withIndexOptions(user.command('password')), 'waxseal user password alice --password-file new-secret.txt')
    .description('set the password of a user, or remove it')
    .argument('<name>')
    .option(
      '--password-file <file>',
      'the password is the content of this file; - reads standard input; without it the password is removed',
    )
    .action((name: string, options: PasswordOptions) =>
      administer(options, async (index) => {
        const password = passwordFrom(options.passwordFile) ?? null
        await setPassword(index.store, index.clock, name, password, OPERATOR)
        printResult(options, { name, password: password !== null }, [
          `${password === null ? 'Removed' : 'Set'} the password of ${name}.`,
        ])
      }),
    )
  for (const verb of ['disable', 'enable'] as const) {
    withExample(withIndexOptions(user.command(verb)), `waxseal user ${verb} alice`)
      .description(verb === 'disable' ? 'refuse everything of a user from now on' : 'let a disabled user in again')
      .argument('<name>')
      .action((name: string, options: AdministerOptions) =>
        administer(options, async (index) => {
          if (verb === 'disable') await disableUser(index.store, index.clock, name, OPERATOR)
          else await enableUser(index.store, index.clock, name, OPERATOR)
          printResult(options, { name, disabled: verb === 'disable' }, [`The user ${name} is ${verb}d.`])
        }),
      )
  }
  withExample(withIndexOptions(user.command('list')), 'waxseal user list')
    .description('list users')
    .action((options: AdministerOptions) =>
      administer(options, async (index) => {
        const users = await listUsers(index.store)
        const rows = users.map(({ name, admin, hasPassword, disabledAt }) => [
          name,
          admin ? 'administrator' : 'user',
          hasPassword ? 'password' : 'tokens only',
          disabledAt === null ? '' : `disabled ${disabledAt}`,
        ])
        printResult(options, { users }, columns([['NAME', 'KIND', 'SIGNS IN WITH', ''], ...rows]))
      }),
    )
}
