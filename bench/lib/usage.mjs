// Loaded before a whole process that is measured: at its end, CPU seconds, seconds on the clock and peak memory go to fd 3.
import { writeSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

if (isMainThread) {
  process.on('exit', () => {
    const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
    writeSync(3, JSON.stringify({ cpu: (userCPUTime + systemCPUTime) / 1e6, wall: performance.now() / 1000, peakBytes: maxRSS * 1024 }))
  })
}
