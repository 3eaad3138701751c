import type { ReportDocument } from './run-report.ts'

/** What a report can be written as. */
export const REPORT_FORMATS = ['json', 'in-toto', 'cyclonedx'] as const
export type ReportFormat = (typeof REPORT_FORMATS)[number]

/** A name, no place: in-toto compares it, nobody fetches it. */
const PREDICATE_TYPE = 'urn:waxseal:attestation:verified-install:v1'

/** The report as one JSON document of a format that other tools read. */
export function formatReport(report: ReportDocument, format: ReportFormat): object {
  switch (format) {
    case 'json':
      return report
    case 'in-toto':
      return inToto(report)
    case 'cyclonedx':
      return cycloneDx(report)
  }
}

/** An in-toto Statement v1, not signed: what was handed on, and what stood behind it. */
function inToto(report: ReportDocument): object {
  const { files, ...predicate } = report
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: files.map(({ filename, sha256 }) => ({ name: filename, digest: { sha256 } })),
    predicateType: PREDICATE_TYPE,
    predicate: {
      ...predicate,
      files: files.map(({ filename, project, version, trust, snapshot }) => ({
        filename,
        project,
        version,
        trust,
        snapshot,
      })),
    },
  }
}

/** A CycloneDX 1.6 fragment: the components that were handed on, with package URLs. */
function cycloneDx(report: ReportDocument): object {
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      ...(report.signedAt === null ? {} : { timestamp: report.signedAt }),
      tools: { components: [{ type: 'application', name: 'waxseal' }] },
      properties: [
        { name: 'waxseal:index', value: report.index },
        { name: 'waxseal:root', value: report.root },
      ],
    },
    components: report.files.map(({ project, version, filename, sha256, trust, snapshot }) => ({
      type: 'library',
      'bom-ref': `pkg:pypi/${project}@${encodeURIComponent(version)}?file_name=${encodeURIComponent(filename)}`,
      name: project,
      version,
      purl: `pkg:pypi/${project}@${encodeURIComponent(version)}?file_name=${encodeURIComponent(filename)}`,
      hashes: [{ alg: 'SHA-256', content: sha256 }],
      properties: [
        { name: 'waxseal:trust', value: trust },
        { name: 'waxseal:snapshot', value: String(snapshot) },
      ],
    })),
  }
}
