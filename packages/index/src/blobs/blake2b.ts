import { BLAKE2B_IV, blake2bModule, DATA_CAPACITY, DATA_OFFSET } from './blake2b-module.ts'

const BLOCK = 128
const STATE = 64
const DIGEST = 32
const MAX_BLOCKS = Math.floor(DATA_CAPACITY / BLOCK)

/** One instance for all hashes: it is called synchronously, and each hash brings its own state. */
const { memory, compress } = instantiate()
const bytes = new Uint8Array(memory.buffer)

/** BLAKE2b with a 32-byte digest and no key (RFC 7693), as `blake2_256_digest` of an upload is computed (behaviour.md 1.3). */
export class Blake2b256 {
  /** The state h and the byte counter. */
  readonly #state = new Uint8Array(STATE + 8)
  /** What is not yet compressed: the last block is known as such only at the end. */
  readonly #rest = new Uint8Array(BLOCK)
  #held = 0

  constructor() {
    const view = new DataView(this.#state.buffer)
    for (const [index, word] of BLAKE2B_IV.entries()) view.setBigUint64(8 * index, word, true)
    // The parameter block's first word: digest length, no key, fan-out and depth 1.
    view.setBigUint64(0, (BLAKE2B_IV[0] ?? 0n) ^ BigInt(0x01010000 ^ DIGEST), true)
  }

  update(chunk: Uint8Array): this {
    let from = 0
    if (this.#held > 0) {
      from = Math.min(BLOCK - this.#held, chunk.length)
      this.#rest.set(chunk.subarray(0, from), this.#held)
      this.#held += from
      if (from === chunk.length) return this
      this.#run(this.#rest, BLOCK, 0)
      this.#held = 0
    }
    while (chunk.length - from > BLOCK) {
      const blocks = Math.min(Math.ceil((chunk.length - from) / BLOCK) - 1, MAX_BLOCKS)
      this.#run(chunk.subarray(from, from + blocks * BLOCK), BLOCK, 0)
      from += blocks * BLOCK
    }
    this.#rest.set(chunk.subarray(from))
    this.#held = chunk.length - from
    return this
  }

  /** The digest in lower-case hex; the hash is used up. */
  hex(): string {
    this.#rest.fill(0, this.#held)
    this.#run(this.#rest, this.#held, -1)
    return Buffer.from(this.#state.buffer, 0, DIGEST).toString('hex')
  }

  #run(blocks: Uint8Array, step: number, last: 0 | -1): void {
    bytes.set(this.#state)
    bytes.set(blocks, DATA_OFFSET)
    compress(DATA_OFFSET, blocks.length / BLOCK, step, last)
    this.#state.set(bytes.subarray(0, this.#state.length))
  }
}

/** As much of the WebAssembly API as is used: it is in every Node, its types only in the browser's library. */
interface WebAssemblyApi {
  readonly Module: new (code: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: unknown }
}

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer }
  readonly compress: (pointer: number, blocks: number, step: number, last: number) => void
}

function instantiate(): Exports {
  const { Module, Instance } = (globalThis as unknown as { readonly WebAssembly: WebAssemblyApi }).WebAssembly
  return new Instance(new Module(blake2bModule())).exports as Exports
}
