import { readFileSync } from 'node:fs'

/** Ticks of `/proc/<pid>/stat` a second: USER_HZ, which is 100 on every Linux there is. */
const TICKS_PER_SECOND = 100

/** A process with its children, as far as they live: the master and the one worker of nginx. */
export function familyOf(pid: number): readonly number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return [pid, ...children.split(' ').filter(Boolean).map(Number)]
}

/** CPU time that processes and all their threads have used so far, user and system, in microseconds. */
export function cpuMicroseconds(pids: readonly number[]): number {
  // utime and stime are the fields 14 and 15 (proc(5)).
  return pids.reduce((sum, pid) => sum + microsecondsOf(pid, 14), 0)
}

/** The same of all children of this process that have ended, and of theirs. */
export function childrenCpuMicroseconds(): number {
  // cutime and cstime
  return microsecondsOf(process.pid, 16)
}

/** What the field `first` of a process's statistics and the one behind it say. */
function microsecondsOf(pid: number, first: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The second field is the name in brackets, which may hold blanks.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[first - 3]) + Number(fields[first - 2])) * 1e6) / TICKS_PER_SECOND
}

/** Resident memory now, or its peak, in MB (10^6). */
export function residentMb(pid: number, which: 'now' | 'peak'): number {
  const line = which === 'now' ? 'VmRSS' : 'VmHWM'
  const found = new RegExp(`^${line}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return (Number(found?.[1]) * 1024) / 1e6
}

/** The processor's name, for the report. */
export function cpuModel(): string {
  return /^model name\s*: (.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? process.arch
}
