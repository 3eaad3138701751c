import type { Cost } from '../compare.ts'
import { compare } from '../compare.ts'
import type { Row } from '../figure.ts'
import { judge } from '../figure.ts'
import { filePath, LARGE_FILE } from '../scene.ts'

const CONNECTIONS = 4
const MAX_CPU = 1.6
const MIN_THROUGHPUT = 0.8

/** 20 MB: sent by us, by nginx, and by nginx on our word (X-Accel-Redirect). */
export const largeFile: Row = async (scene) => {
  const { ours, behindNginx, nginx, effort, large } = scene
  nginx.put('large.whl', large.bytes)
  const [us, them, accel] = (await compare(
    [
      { url: `${ours.url}${filePath(large)}`, pids: () => [ours.pid] },
      { url: `${nginx.url}/large.whl`, pids: nginx.pids },
      { url: `${nginx.url}/index${filePath(large)}`, pids: () => [...nginx.pids(), behindNginx.pid] },
    ],
    { seconds: effort.seconds, connections: CONNECTIONS },
    { script: scene.wrkScript, rounds: effort.rounds, bodySize: LARGE_FILE },
  )) as [Cost, Cost, Cost]
  const throughput = us.bytesPerSecond / them.bytesPerSecond
  return [
    { what: 'file of 20 MB, CPU', ours: cpu(us), beside: cpu(them), ...judge(us.cpu / them.cpu, MAX_CPU) },
    {
      what: 'file of 20 MB, throughput',
      ours: rate(us),
      beside: rate(them),
      ratio: throughput,
      bar: `≥ ${MIN_THROUGHPUT} ×`,
      met: throughput >= MIN_THROUGHPUT,
    },
    {
      what: 'file of 20 MB, CPU of both with X-Accel-Redirect',
      ours: cpu(accel),
      beside: cpu(them),
      ...judge(accel.cpu / them.cpu, MAX_CPU),
    },
  ]
}

function cpu(cost: Cost): string {
  return `${(cost.cpu / 1000).toFixed(1)} ms CPU`
}

function rate(cost: Cost): string {
  return `${(cost.bytesPerSecond / 1e9).toFixed(2)} GB/s`
}
