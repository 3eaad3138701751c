import { argon2, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { IndexError } from '../error.ts'
import {
  ARGON2_MEMORY_KIB,
  ARGON2_PASSES,
  MAX_PASSWORD_CHECKS,
  MAX_PASSWORD_LENGTH,
  MAX_WAITING_PASSWORD_CHECKS,
  MIN_PASSWORD_LENGTH,
} from '../limits.ts'
import type { Random } from './random.ts'

const derive = promisify(argon2)
const TAG_LENGTH = 32
const SALT_LENGTH = 16

/**
 * The argon2id hash of `password` in PHC form, made on libuv's threads.
 *
 * @throws IndexError `limit-exceeded` when it is too short or too long, or when too many are being checked already; `not-allowed`
 * when it holds a NUL
 */
export async function hashPassword(password: string, random: Random): Promise<string> {
  if (password.length < MIN_PASSWORD_LENGTH || password.length > MAX_PASSWORD_LENGTH) {
    throw new IndexError(
      'limit-exceeded',
      `A password has ${MIN_PASSWORD_LENGTH} to ${MAX_PASSWORD_LENGTH} characters; this one has ${password.length}.`,
    )
  }
  if (password.includes('\0')) {
    throw new IndexError('not-allowed', 'A password holds no NUL: it would never be accepted again.')
  }
  const salt = random(SALT_LENGTH)
  const tag = await run(password, { salt, memory: ARGON2_MEMORY_KIB, passes: ARGON2_PASSES })
  return `$argon2id$v=19$m=${ARGON2_MEMORY_KIB},t=${ARGON2_PASSES},p=1$${unpadded(salt)}$${unpadded(tag)}`
}

/**
 * Whether `password` is the one of `hash`. Without a hash (an unknown user, or one without a password) it takes the same
 * time and is false (attacks.md ENUM/TIMING).
 *
 * @throws IndexError `limit-exceeded` when too many are being checked already
 */
export async function verifyPassword(password: string, hash: string | null): Promise<boolean> {
  const parsed = hash === null ? undefined : parse(hash)
  const { salt, memory, passes } = parsed ?? STAND_IN
  const tag = await run(password.slice(0, MAX_PASSWORD_LENGTH + 1), { salt, memory, passes })
  return parsed !== undefined && timingSafeEqual(tag, parsed.tag)
}

interface Hash {
  readonly salt: Uint8Array
  readonly memory: number
  readonly passes: number
  readonly tag: Uint8Array
}

const STAND_IN: Omit<Hash, 'tag'> = {
  salt: new Uint8Array(SALT_LENGTH),
  memory: ARGON2_MEMORY_KIB,
  passes: ARGON2_PASSES,
}

function parse(hash: string): Hash | undefined {
  const match = /^\$argon2id\$v=19\$m=(\d{1,9}),t=(\d{1,3}),p=1\$([\w+/-]{11,64})\$([\w+/-]{43})$/.exec(hash)
  if (match === null) return undefined
  const [, memory = '', passes = '', salt = '', tag = ''] = match
  return {
    memory: Number(memory),
    passes: Number(passes),
    salt: Buffer.from(salt, 'base64'),
    tag: Buffer.from(tag, 'base64'),
  }
}

let running = 0
const waiting: (() => void)[] = []

/** A few at a time: each takes 19 MiB, and one of the four threads that reading and writing files need as well. */
async function run(password: string, hash: Omit<Hash, 'tag'>): Promise<Uint8Array> {
  if (running >= MAX_PASSWORD_CHECKS) {
    if (waiting.length >= MAX_WAITING_PASSWORD_CHECKS) {
      throw new IndexError('limit-exceeded', 'Too many passwords are being checked at the moment; try again.')
    }
    // Whoever ends hands its place over, so `running` stays as it is.
    await new Promise<void>((resolve) => waiting.push(resolve))
  } else running++
  try {
    return await derive('argon2id', {
      message: password,
      nonce: hash.salt,
      parallelism: 1,
      tagLength: TAG_LENGTH,
      memory: hash.memory,
      passes: hash.passes,
    })
  } finally {
    const next = waiting.shift()
    if (next === undefined) running--
    else next()
  }
}

function unpadded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replaceAll('=', '')
}
