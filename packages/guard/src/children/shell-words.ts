/** Python's `shlex.split`, which pip reads the options of a requirements line with; undefined where a quote does not end. */
export function shellWords(text: string): readonly string[] | undefined {
  const words: string[] = []
  let word: string | undefined
  let quote: string | undefined
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at)
    if (quote !== undefined) {
      if (character === quote) quote = undefined
      else if (character === '\\' && quote === '"') {
        const next = text.charAt(++at)
        if (next === '') return undefined
        // Inside double quotes a backslash escapes only these two.
        word = `${word ?? ''}${next === '"' || next === '\\' ? '' : '\\'}${next}`
      } else word = `${word ?? ''}${character}`
    } else if (' \t\r\n'.includes(character)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else if (character === '"' || character === "'") {
      quote = character
      word ??= ''
    } else if (character === '\\') {
      const next = text.charAt(++at)
      if (next === '') return undefined
      word = `${word ?? ''}${next}`
    } else word = `${word ?? ''}${character}`
  }
  if (quote !== undefined) return undefined
  if (word !== undefined) words.push(word)
  return words
}

/** One word for `shellWords` to read back. Its first character stays as it is: pip looks for a `-` there before it splits. */
export function escapeWord(word: string): string {
  return word.replaceAll(/[^\w@%+=:,./~-]/g, String.raw`\$&`)
}
