import { ValueType } from '@opentelemetry/api'
import type { Attributes, HrTime } from '@opentelemetry/api'
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { AggregationTemporality, DataPointType } from '@opentelemetry/sdk-metrics'
import type { DataPoint, MetricData, ResourceMetrics } from '@opentelemetry/sdk-metrics'
import { METRICS } from './metric-definitions.ts'
import type { Family, Metrics } from './metrics.ts'

const RESOURCE: ResourceMetrics['resource'] = {
  attributes: {},
  merge: (other) => other ?? RESOURCE,
  getRawAttributes: () => [],
}

const STARTED = hrTime(Date.now() - process.uptime() * 1000)

/**
 * All of `metrics` in Prometheus' text format: as OpenTelemetry's data, by its exporter's serializer. Loading this module
 * costs 1.4 MB of memory, so it is loaded at the first scrape (docs/decisions/0011-metrics.md).
 */
export async function prometheusText(metrics: Metrics): Promise<string> {
  const families = await metrics.collect()
  const now = hrTime(Date.now())
  const data = families.map((family) => metricData(family, STARTED, now))
  // No target_info and no scope labels: they say nothing that the job's own labels do not.
  const serializer = new PrometheusSerializer(undefined, false, undefined, true, true)
  return serializer.serialize({ resource: RESOURCE, scopeMetrics: [{ scope: { name: 'waxseal' }, metrics: data }] })
}

function metricData(family: Family, startTime: HrTime, endTime: HrTime): MetricData {
  const { type, help, labels } = METRICS[family.name]
  const descriptor = { name: family.name, description: help, unit: '', valueType: ValueType.DOUBLE }
  const base = { descriptor, aggregationTemporality: AggregationTemporality.CUMULATIVE }
  const points = family.points.map((point): DataPoint<number> => ({
    startTime,
    endTime,
    attributes: attributesOf(labels, point.labels),
    value: point.value,
  }))
  switch (type) {
    case 'counter':
      return { ...base, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints: points }
    case 'gauge':
      return { ...base, dataPointType: DataPointType.GAUGE, dataPoints: points }
    case 'histogram':
      return {
        ...base,
        dataPointType: DataPointType.HISTOGRAM,
        dataPoints: family.histograms.map((child) => ({
          startTime,
          endTime,
          attributes: attributesOf(labels, child.labels),
          value: {
            buckets: { boundaries: [...child.bounds], counts: [...child.counts] },
            sum: child.sum,
            count: child.count,
          },
        })),
      }
  }
}

function attributesOf(names: readonly string[], values: readonly string[]): Attributes {
  return Object.fromEntries(names.map((name, at) => [name, values[at] ?? '']))
}

function hrTime(ms: number): HrTime {
  return [Math.trunc(ms / 1000), (ms % 1000) * 1e6]
}
