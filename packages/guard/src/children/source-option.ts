import type { FoundOption } from './command-options.ts'
import { mappedIndex, mappedRequirement, refusedOption } from './preparing.ts'
import type { Preparing } from './preparing.ts'
import type { RequirementsFiles } from './requirements-file.ts'

/**
 * The words of a command with what one option says mapped to the guard. Options that name no source leave them as they are.
 * @throws GuardError `option-refused`, `requirement-refused`
 */
export async function mapSourceOption(
  option: FoundOption<string>,
  words: readonly string[],
  preparing: Preparing,
  files: RequirementsFiles,
  client: 'pip' | 'uv',
): Promise<readonly string[]> {
  if (option.means === 'refused') throw refusedOption(preparing, option.name, client)
  if (option.means === 'index') {
    return option.replace(words, mappedIndex(preparing, option.name, option.value, client))
  }
  if (option.value === undefined) return words
  if (option.means === 'requirement') {
    return option.replace(words, mappedRequirement(preparing, option.value, client))
  }
  if (option.means === 'requirements') {
    return option.replace(words, await files.prepare(option.value, preparing.cwd))
  }
  return words
}
