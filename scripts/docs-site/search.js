// Finds pages by their titles, headings and keys. Without it, or without JavaScript, the pages lose nothing but the field.
const place = document.querySelector('#search')
const root = new URL('.', import.meta.url)
const SHOWN = 12

if (place !== null) {
  place.innerHTML = `<label for="query">Search</label>
<input id="query" type="search" placeholder="Search" autocomplete="off" spellcheck="false">
<p class="count" role="status"></p><ul hidden></ul>`
  const field = place.querySelector('input')
  const list = place.querySelector('ul')
  const count = place.querySelector('.count')
  let entries

  const read = async () => {
    const answer = await fetch(new URL('search.json', root))
    if (!answer.ok) throw new Error(`search.json: ${answer.status}`)
    return await answer.json()
  }
  // What failed is asked for again with the next letter.
  const load = () => (entries ??= read().catch(() => (entries = undefined)))

  const show = async () => {
    const all = await load()
    // The field as it is now: more may have been typed since.
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean)
    const found = words.length === 0 || all === undefined ? [] : find(all, words)
    list.replaceChildren(...found.slice(0, SHOWN).map(entryItem))
    list.hidden = found.length === 0
    const told =
      all === undefined ? 'The search cannot be loaded' : found.length === 0 ? 'Nothing found' : `${found.length} found`
    count.textContent = words.length === 0 ? '' : told
  }

  field.addEventListener('focus', load, { once: true })
  field.addEventListener('input', () => void show())
  field.addEventListener('keydown', (event) => {
    // Not what is shown: that may still be of an earlier letter.
    if (event.key === 'Enter') void show().then(() => list.querySelector('a')?.click())
    if (event.key === 'Escape') {
      field.value = ''
      void show()
    }
  })
}

function find(entries, words) {
  return entries
    .filter(([text, where]) => words.every((word) => `${text} ${where}`.toLowerCase().includes(word)))
    .toSorted((a, b) => whole(b, words) - whole(a, words) || rank(a, words[0]) - rank(b, words[0]))
}

/** How many of the words it has as they are: `token create` means that command, not the event `token-created`. */
function whole([text], words) {
  const spaced = (part) =>
    ` ${part
      .toLowerCase()
      .replace(/[^\p{L}\p{N}]+/gu, ' ')
      .trim()} `
  return words.filter((word) => spaced(text).includes(spaced(word))).length
}

/** What begins with the word comes first, then what holds it, then what only its page's name holds. */
function rank([text], word) {
  const at = text.toLowerCase().indexOf(word)
  return at === 0 ? 0 : at > 0 ? 1 : 2
}

function entryItem([text, where, path]) {
  const item = document.createElement('li')
  const link = document.createElement('a')
  link.href = new URL(path, root)
  link.textContent = text
  if (where !== '') {
    const page = document.createElement('span')
    page.textContent = ` ${where}`
    link.append(page)
  }
  item.append(link)
  return item
}
