import type { Finding } from '@waxseal/index'

/** One finding of a doctor, for people. */
export function findingLines(
  finding: Pick<Finding, 'severity' | 'what' | 'means' | 'advice' | 'sha256' | 'repair'> & { readonly code: string },
): readonly string[] {
  const { code, severity, what, means, advice, sha256, repair } = finding
  const next =
    repair === undefined ? [`  ${advice}`] : [`  ${repair.done ? 'Repaired' : 'Not repaired'}: ${repair.how}.`]
  return [
    `${severity} ${code}: ${what}`,
    `  ${means}`,
    ...(sha256 === undefined ? [] : [`  sha256 ${sha256}`]),
    ...next,
  ]
}
