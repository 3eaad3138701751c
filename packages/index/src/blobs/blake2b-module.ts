/**
 * BLAKE2b's compression function (RFC 7693, 3.2) as a WebAssembly module, written out here because node:crypto offers the
 * 512-bit form only and 64-bit rotations are what JavaScript's numbers cannot do fast.
 *
 * It exports `memory` (state h at 0, byte counter at 64, data from {@link DATA_OFFSET}) and
 * `compress(pointer, blocks, step, last)`: takes `blocks` blocks of 128 bytes from `pointer`, the counter moving by `step`
 * for each; `last` is -1 for the final block, else 0.
 */
export function blake2bModule(): Uint8Array<ArrayBuffer> {
  return new Uint8Array([
    ...MAGIC,
    ...section(1, [1, 0x60, 4, I32, I32, I32, I32, 0]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, PAGES]),
    ...section(7, [2, ...name('memory'), 2, 0, ...name('compress'), 0, 0]),
    ...section(10, [1, ...sized([1, 32, I64, ...compress(), END])]),
  ])
}

/** Where the data to compress is put; the module's memory holds `DATA_CAPACITY` bytes of it. */
export const DATA_OFFSET = 128
const PAGES = 2
const PAGE = 65536
export const DATA_CAPACITY = PAGES * PAGE - DATA_OFFSET

/** RFC 7693, 2.6. */
export const BLAKE2B_IV: readonly bigint[] = [
  0x6a09e667f3bcc908n,
  0xbb67ae8584caa73bn,
  0x3c6ef372fe94f82bn,
  0xa54ff53a5f1d36f1n,
  0x510e527fade682d1n,
  0x9b05688c2b3e6c1fn,
  0x1f83d9abfb41bd6bn,
  0x5be0cd19137e2179n,
]

/** RFC 7693, 2.7; rounds 10 and 11 repeat rows 0 and 1. */
const SIGMA = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
  [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
  [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
  [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
  [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
  [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
  [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
  [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
  [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
] as const

/** The columns, then the diagonals, of the 4 × 4 matrix v (RFC 7693, 3.2). */
const MIXES = [
  [0, 4, 8, 12],
  [1, 5, 9, 13],
  [2, 6, 10, 14],
  [3, 7, 11, 15],
  [0, 5, 10, 15],
  [1, 6, 11, 12],
  [2, 7, 8, 13],
  [3, 4, 9, 14],
] as const

type Code = readonly number[]

// Types and the few instructions that are needed (WebAssembly core specification, 5.4).
const I32 = 0x7f
const I64 = 0x7e
const I64_ADD = 0x7c
const I64_XOR = 0x85
const I64_ROTR = 0x8a
const I32_ADD = 0x6a
const I32_SUB = 0x6b
const EXTEND_SIGNED = 0xac
const EXTEND_UNSIGNED = 0xad
const TEE = 0x22
const BRANCH_IF = 0x0d
const END = 0x0b
/** `\\0asm`, version 1. */
const MAGIC = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0] as const

const POINTER = 0
const BLOCKS = 1
const STEP = 2
const LAST = 3
const v = (index: number): number => 4 + index
const m = (index: number): number => 20 + index
const COUNTER_OFFSET = 64
const WORDS = Array.from({ length: 16 }, (_, index) => index)
const HALF = WORDS.slice(0, 8)

function compress(): Code {
  return [
    // A loop over the blocks; the caller asks for at least one.
    0x03,
    0x40,
    ...WORDS.flatMap((i) => [...get(POINTER), ...load(8 * i), ...set(m(i))]),
    ...update(COUNTER_OFFSET, [...get(STEP), EXTEND_UNSIGNED, I64_ADD]),
    ...HALF.flatMap((i) => [...i32(0), ...load(8 * i), ...set(v(i))]),
    ...BLAKE2B_IV.flatMap((word, i) => [...i64(word), ...set(v(8 + i))]),
    ...xorInto(v(12), [...i32(0), ...load(COUNTER_OFFSET)]),
    ...xorInto(v(14), [...get(LAST), EXTEND_SIGNED]),
    ...[...SIGMA, SIGMA[0], SIGMA[1]].flatMap((row) =>
      MIXES.flatMap((cell, i) => mix(cell, row[2 * i] ?? 0, row[2 * i + 1] ?? 0)),
    ),
    ...HALF.flatMap((i) => update(8 * i, [...get(v(i)), I64_XOR, ...get(v(i + 8)), I64_XOR])),
    ...get(POINTER),
    ...i32(128),
    I32_ADD,
    ...set(POINTER),
    ...get(BLOCKS),
    ...i32(1),
    I32_SUB,
    TEE,
    BLOCKS,
    BRANCH_IF,
    0,
    END,
  ]
}

/** RFC 7693, 3.1. */
function mix(cell: readonly [number, number, number, number], x: number, y: number): Code {
  const [a, b, c, d] = [v(cell[0]), v(cell[1]), v(cell[2]), v(cell[3])]
  const addWord = (word: number): Code => [...get(a), ...get(b), I64_ADD, ...get(m(word)), I64_ADD, ...set(a)]
  const turn = (to: number, by: number, right: bigint): Code => {
    return [...get(to), ...get(by), I64_XOR, ...i64(right), I64_ROTR, ...set(to)]
  }
  const add = (to: number, by: number): Code => [...get(to), ...get(by), I64_ADD, ...set(to)]
  const half = (word: number, first: bigint, second: bigint): Code => {
    return [...addWord(word), ...turn(d, a, first), ...add(c, d), ...turn(b, c, second)]
  }
  return [...half(x, 32n, 24n), ...half(y, 16n, 63n)]
}

/** Replaces the 64-bit word in memory at `offset` by what `code` makes of it. */
function update(offset: number, code: Code): Code {
  return [...i32(0), ...i32(0), ...load(offset), ...code, ...store(offset)]
}

function xorInto(local: number, value: Code): Code {
  return [...get(local), ...value, I64_XOR, ...set(local)]
}

const get = (local: number): Code => [0x20, local]
const set = (local: number): Code => [0x21, local]
const load = (offset: number): Code => [0x29, 3, ...unsigned(offset)]
const store = (offset: number): Code => [0x37, 3, ...unsigned(offset)]
const i32 = (value: number): Code => [0x41, ...signed(BigInt(value))]
const i64 = (value: bigint): Code => [0x42, ...signed(BigInt.asIntN(64, value))]
const name = (text: string): Code => [text.length, ...Buffer.from(text)]
const section = (id: number, content: Code): Code => [id, ...sized(content)]
const sized = (content: Code): Code => [...unsigned(content.length), ...content]

/** LEB128. */
function unsigned(value: number): Code {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)]
}

function signed(value: bigint): Code {
  const low = Number(value & 127n)
  const rest = value >> 7n
  const done = (rest === 0n && low < 64) || (rest === -1n && low >= 64)
  return done ? [low] : [low | 128, ...signed(rest)]
}
