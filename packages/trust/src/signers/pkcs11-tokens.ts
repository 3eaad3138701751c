import type { TrustError } from '../error.ts'
import { PKCS11_TIMEOUT_MS } from '../limits.ts'

/** A token: of which module, and its label. */
export interface TokenName {
  readonly module: string
  readonly token: string
}

/**
 * What the signers of one process have to know of each other. Those of one module take turns: SoftHSM does not find its tokens
 * when two processes look at once, and cards do one thing at a time. A PIN that one of them had refused is not sent by another
 * either: three keys in a token would else be three tries, which lock it.
 */
export class Pkcs11Tokens {
  /** How long each use may take. */
  readonly timeoutMs: number
  readonly #turns = new Map<string, Promise<unknown>>()
  readonly #refusals = new Map<string, TrustError>()

  constructor(timeoutMs: number = PKCS11_TIMEOUT_MS) {
    this.timeoutMs = timeoutMs
  }

  /** Does `work` when nobody else uses the module, unless the token refused the PIN before. @throws TrustError that one */
  async use<T>(name: TokenName, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(name.module)
    const mine = (async () => {
      await before?.catch(() => undefined)
      const refusal = this.#refusals.get(keyOf(name))
      if (refusal !== undefined) throw refusal
      return work()
    })()
    this.#turns.set(name.module, mine)
    return mine
  }

  /** Has every later use of the token fail with `refusal`. */
  refuse(name: TokenName, refusal: TrustError): void {
    this.#refusals.set(keyOf(name), refusal)
  }
}

function keyOf({ module, token }: TokenName): string {
  return `${module}\0${token}`
}
