import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { EVENT_KINDS } from '../packages/index/src/telemetry/event-log.ts'
import { METRICS } from '../packages/index/src/telemetry/metric-definitions.ts'
import { CHECKS } from '../packages/index/src/telemetry/readiness.ts'

const text = readFileSync(join(import.meta.dirname, '../deploy/prometheus-alerts.yml'), 'utf8')
const hasYaml = spawnSync('/usr/bin/python3', ['-c', 'import yaml']).status === 0

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

/** The labels that each metric has, by its name with the endings that Prometheus gives. */
const labelsOf = new Map<string, readonly string[]>([['up', ['job', 'instance']]])
for (const [name, { labels }] of Object.entries(METRICS)) {
  labelsOf.set(name, [...labels, 'instance', 'job'])
}

void test('deploy/prometheus-alerts.yml is a file of rules as Prometheus loads it', (t) => {
  if (!hasYaml && process.env['CI'] === undefined) return t.skip('python3-yaml is not here: .ci/run installs it')
  const script = 'import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)'
  const read = spawnSync('/usr/bin/python3', ['-c', script], { input: text, encoding: 'utf8' })
  assert.equal(read.status, 0, read.stderr)
  const { groups, ...rest } = JSON.parse(read.stdout) as { groups: { name: string; rules: Rule[] }[] }
  assert.deepEqual(rest, {})
  const rules = groups.flatMap((group) => group.rules)
  assert.ok(rules.length >= 13)
  assert.match(
    rules.find(({ alert }) => alert === 'WaxsealNotWriting')?.expr ?? '',
    /waxseal_degraded\{check="writing"\}/,
  )
  assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length, 'no name twice')
  for (const { alert, expr, labels, annotations, ...more } of rules) {
    assert.match(alert, /^Waxseal[A-Z][A-Za-z]+$/)
    assert.deepEqual(
      Object.keys(more).filter((key) => key !== 'for'),
      [],
      alert,
    )
    if (more.for !== undefined) assert.match(more.for, /^\d+[smhd]$/, alert)
    assert.ok(['warning', 'critical'].includes(labels['severity'] ?? ''), alert)
    assert.match(annotations['summary'] ?? '', /\.$/, alert)
    assertExpression(alert, expr)
    // A label in the sentence has to be left over by the expression.
    const kept = /\bby \(([^)]*)\)/.exec(expr)?.[1]?.split(/, */)
    for (const [, label = ''] of (annotations['summary'] ?? '').matchAll(/\$labels\.(\w+)/g)) {
      assert.ok(kept === undefined || kept.includes(label), `${alert}: ${label}`)
    }
  }
})

/** Brackets are closed, and every metric is asked for labels and values that it can have. */
function assertExpression(alert: string, expr: string): void {
  const open: string[] = []
  for (const character of expr.replaceAll(/"[^"]*"/g, '""')) {
    if ('([{'.includes(character)) open.push(character)
    const closes = ')]}'.indexOf(character)
    if (closes >= 0) assert.equal(open.pop(), '([{'[closes], `${alert}: ${expr}`)
  }
  assert.deepEqual(open, [], alert)
  const asked = [...expr.matchAll(/\b(up|(?:waxseal|process|nodejs)_\w+)(?:\{([^}]*)\})?/g)]
  assert.ok(asked.length > 0, alert)
  for (const [, name = '', matchers = ''] of asked) {
    const labels = labelsOf.get(name)
    assert.ok(labels !== undefined, `${alert}: ${name}`)
    for (const [, label = '', value = ''] of matchers.matchAll(/(\w+)="([^"]*)"/g)) {
      assert.ok(labels.includes(label), `${alert}: ${name} has no label ${label}`)
      if (label === 'kind') assert.ok((EVENT_KINDS as readonly string[]).includes(value), `${alert}: ${value}`)
      if (label === 'check') assert.ok((CHECKS as readonly string[]).includes(value), `${alert}: ${value}`)
    }
  }
}
