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

  const load = () => (entries ??= fetch(new URL('search.json', root)).then((answer) => answer.json()))

  const show = async () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean)
    const all = words.length === 0 ? [] : await load()
    const found = all
      .filter(([text, where]) => words.every((word) => `${text} ${where}`.toLowerCase().includes(word)))
      .toSorted((a, b) => rank(a, words[0]) - rank(b, words[0]))
    list.replaceChildren(...found.slice(0, SHOWN).map(entryItem))
    list.hidden = found.length === 0
    count.textContent = words.length === 0 ? '' : found.length === 0 ? 'Nothing found' : `${found.length} found`
  }

  field.addEventListener('focus', load, { once: true })
  field.addEventListener('input', () => void show())
  field.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') list.querySelector('a')?.click()
    if (event.key === 'Escape') {
      field.value = ''
      void show()
    }
  })
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
