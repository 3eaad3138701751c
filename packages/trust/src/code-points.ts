/**
 * Compares two texts by code point, as Python and Go do. JavaScript's own order is by UTF-16 unit, which puts the surrogates
 * of U+10000 and above before U+E000 to U+FFFF; a signature over the one order fails under the other (attacks.md ARB-5).
 * @returns negative, zero or positive
 */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at += 1) {
    const left = a.charCodeAt(at)
    const right = b.charCodeAt(at)
    if (left !== right) return rank(left) - rank(right)
  }
  return a.length - b.length
}

/** A UTF-16 unit's place in code point order: surrogates change places with what stands above them. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}
