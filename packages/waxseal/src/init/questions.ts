import { resolve } from 'node:path'
import { wrongUserName } from '@waxseal/index'
import type { z } from 'zod'
import { complaintsOf } from '../config/issues.ts'
import { DEFAULT_DATA, DEFAULT_LISTEN, DEFAULT_UPSTREAM } from '../config/defaults.ts'
import { configSchema } from '../config/schema.ts'
import { upstreamUrl } from '../config/values.ts'
import { CommandError } from '../command-error.ts'
import { EXIT_REFUSED } from '../exit-codes.ts'
import { occupied } from './place.ts'

/** What the options of `waxseal init` say; the rest is asked. */
export interface InitOptions {
  readonly data?: string
  readonly listen?: readonly string[]
  readonly publicUrl?: string
  readonly upstream?: readonly string[] | false
  readonly prefix?: readonly string[]
  readonly private?: boolean
  readonly public?: boolean
  readonly admin?: string
  /** How old files of other indexes have to be. */
  readonly cooldownDays?: number
}

/** Asks on the terminal for what `options` leave open. Prompts go to standard error. Throws CommandError `cancelled`. */
export async function ask(options: InitOptions): Promise<InitOptions> {
  const prompts = await import('@clack/prompts')
  const output = process.stderr
  const given = <T extends string>(answer: T | symbol): T => {
    if (typeof answer === 'symbol') throw new CommandError('cancelled', 'Cancelled: nothing was made.', EXIT_REFUSED)
    return answer
  }
  const text = async (
    message: string,
    fallback: string,
    wrong: (text: string) => string | undefined,
    hint = fallback,
  ) =>
    given(
      await prompts.text({
        message,
        output,
        placeholder: hint,
        defaultValue: fallback,
        validate: (value) => (value === undefined || value === '' ? wrong(fallback) : wrong(value)),
      }),
    ).trim()

  prompts.intro('A new Waxseal index', { output })
  const data =
    options.data ?? (await text('Which folder shall hold it?', DEFAULT_DATA, (value) => occupied(resolve(value))))
  const listen =
    options.listen ??
    list(await text('Where shall it listen?', DEFAULT_LISTEN, (value) => wrongList(configSchema.shape.listen, value)))
  const publicUrl =
    options.publicUrl ??
    (await text(
      'At which https address do clients reach it, if a proxy stands in front?',
      '',
      (value) => (value === '' ? undefined : wrong(configSchema.shape['public-url'], value)),
      'none; for example https://packages.example/',
    ))
  const upstream = options.upstream ?? (await askUpstream())
  const prefix =
    options.prefix ??
    list(
      await text(
        'Which names are yours, with all that begin with them and "-"? Separate them by commas.',
        '',
        (value) => wrongList(configSchema.shape.prefixes, value),
        'none; for example corp',
      ),
    )
  const reading =
    options.private === true || options.public === true
      ? options.private === true && 'private'
      : given(
          await prompts.select({
            message: 'Who may install?',
            output,
            options: [
              { value: 'public', label: 'Everybody who reaches it' },
              { value: 'private', label: 'Only who has a token' },
            ],
          }),
        )
  const admin = options.admin ?? (await text('Who is the first administrator?', 'admin', wrongUserName))
  return {
    data,
    listen,
    prefix,
    admin,
    upstream,
    private: reading === 'private',
    ...(publicUrl === '' ? {} : { publicUrl }),
  }

  async function askUpstream(): Promise<readonly string[] | false> {
    const choice = given(
      await prompts.select({
        message: 'Where do packages come from that are not yours?',
        output,
        options: [
          { value: 'pypi', label: `PyPI (${DEFAULT_UPSTREAM.url})` },
          { value: 'other', label: 'Another index' },
          { value: 'none', label: 'Nowhere: only what is uploaded here' },
        ],
      }),
    )
    if (choice === 'none') return false
    if (choice === 'pypi') return [`${DEFAULT_UPSTREAM.name}=${DEFAULT_UPSTREAM.url}`]
    const url = await text(
      'Its URL, under which PROJECT/ stands?',
      '',
      (value) => wrong(upstreamUrl, value),
      'https://…/simple/',
    )
    const name = await text('What is it called here? Decisions are recorded under this name.', 'main', (value) =>
      wrong(configSchema.shape.upstream, { [value]: { url } }),
    )
    return [`${name}=${url}`]
  }
}

function list(text: string): readonly string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
}

function wrongList(schema: z.ZodType, text: string): string | undefined {
  return text === '' ? undefined : wrong(schema, list(text))
}

/** What is wrong with an answer, as the schema says it. */
function wrong(schema: z.ZodType, value: unknown): string | undefined {
  const parsed = schema.safeParse(value)
  const [first] = parsed.success ? [] : parsed.error.issues.flatMap((issue) => complaintsOf(issue))
  return first === undefined ? undefined : `This ${first.message}.`
}
