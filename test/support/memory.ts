import { readFileSync } from 'node:fs'

function field(pid: number, name: string): number {
  const [, kilobytes = '0'] =
    new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1024
}

/** Resident memory of a process now and at its worst, in bytes; from Linux's /proc. */
export const residentMemory = (pid: number): number => field(pid, 'VmRSS')
export const peakMemory = (pid: number): number => field(pid, 'VmHWM')

export const MEGABYTE = 1024 ** 2
