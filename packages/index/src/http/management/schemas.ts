import { normalizeProjectName } from '@waxseal/packaging'
import { z } from 'zod'
import { holderOf } from '../../register/holder.ts'

/** In normal form. */
export const projectName = z
  .string()
  .max(100)
  .regex(/^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/)
  .transform((name) => normalizeProjectName(name))
/** Every text is one line: it stands on terminals, in logs, and in PostgreSQL, which stores neither NUL nor half characters. */
export const line = (longest: number): z.ZodString =>
  z
    .string()
    .max(longest)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must be one line of text without control characters')
export const version = line(128).min(1)
export const reason = line(1000)
export const userName = line(64)
export const scope = z.enum(['read', 'upload', 'admin'])

/** What every change answers. */
export const changed = z.object({
  changed: z.boolean(),
  snapshot: z.number().int().meta({ description: 'The newest snapshot.' }),
  denials: z.array(z.number().int()).optional().meta({ description: 'Numbers of the denials that were made.' }),
  waits: z
    .string()
    .optional()
    .meta({ description: 'For whom it waits: what opens a sealed name holds once it is signed.' }),
})
export const projectParams = z.object({ project: projectName })
export const releaseParams = z.object({ project: projectName, version })
/** A user, or `team:NAME`. */
export const holder = z
  .string()
  .max(70)
  .regex(/^(?:team:)?[a-z0-9][a-z0-9._-]{0,63}$/, 'must be the name of a user, or team: and that of a team')
  .transform(holderOf)
/** How a holder is answered. */
export const holderName = z.string().meta({ description: 'The name of a user, or `team:NAME`.' })
