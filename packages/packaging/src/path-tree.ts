import { PackagingError } from './error.ts'
import { MAX_ARCHIVE_PATHS } from './limits.ts'

/**
 * Numbers for paths and for all directories on the way to them, so that an archive's paths are judged in time and memory that grow with
 * their length, however deep they are (attacks.md ZIP-BOMB, TAR-BOMB): asking for each parent by its whole path is quadratic.
 */
export class PathTree {
  /** What everything lies in. */
  static readonly ROOT = 0
  readonly #numbers = new Map<string, number>()
  readonly #parents: number[] = [PathTree.ROOT]

  /** How many numbers there are, the root's included; they run from 0. */
  get size(): number {
    return this.#parents.length
  }

  /** The directory that a path lies in; the root lies in itself. */
  parent(node: number): number {
    return this.#parents[node] ?? PathTree.ROOT
  }

  /** The number of the path that `component` makes below `node`, or `undefined` when nobody entered it. */
  child(node: number, component: string): number | undefined {
    return this.#numbers.get(`${node}/${component}`)
  }

  /** The number of a whole path, or `undefined` when nobody entered it. */
  find(path: string): number | undefined {
    let node: number | undefined = PathTree.ROOT
    for (const component of path.split('/')) {
      node = this.child(node, component)
      if (node === undefined) return undefined
    }
    return node
  }

  /**
   * Like `child`, but gives a new number where there was none.
   * @throws PackagingError `limit-exceeded`
   */
  enter(node: number, component: string): number {
    const key = `${node}/${component}`
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    const number = this.#parents.length
    if (number > MAX_ARCHIVE_PATHS) {
      throw new PackagingError(
        'limit-exceeded',
        `The archive has more than ${MAX_ARCHIVE_PATHS} files and directories.`,
      )
    }
    this.#numbers.set(key, number)
    this.#parents.push(node)
    return number
  }
}
