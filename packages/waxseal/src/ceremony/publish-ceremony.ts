import { hash } from 'node:crypto'
import type { Administration, Ceremonies } from '@waxseal/index'
import { counted } from '../output.ts'

/** Publishes a ceremony, and what the server has to sign after it; what is said of it, for scripts and for people. */
export async function publishCeremony(
  index: Administration,
  ceremonies: Ceremonies,
): Promise<{ readonly document: object; readonly lines: readonly string[] }> {
  const { rootBytes, ...published } = await ceremonies.publish()
  const { root, snapshot, roles, targets, replaced, elsewhere } = published
  // What the server itself says of names that were sealed follows at once.
  if (targets.length > 0) await index.management.settled()
  const sha256 = hash('sha256', rootBytes)
  return {
    document: { ...published, root_sha256: sha256 },
    lines: [
      `Published ${counted(roles.length, 'role')} in snapshot ${snapshot}.`,
      ...(targets.length === 0 ? [] : [`Sealed, or opened: ${counted(targets.length, 'document')}.`]),
      `Root version ${root} holds, whose file has the sha256 ${sha256}: ${root}.root.json under /tuf/.`,
      ...(replaced.length === 0
        ? []
        : [
            `New keys of the server are in use, and the old ones deleted: ${replaced.join(', ')}. Running servers take them up by themselves.`,
          ]),
      ...(elsewhere.length === 0
        ? []
        : [
            `Start every server again, with the configuration that says where these keys are: ${elsewhere.join(', ')}.`,
          ]),
    ],
  }
}
