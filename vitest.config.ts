import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    setupFiles: ['test/setup.ts'],
    include: ['test/**/*.test.ts'],
    // many tests wait for a program or a page: one file for each processor, where vitest would leave one of two idle
    maxWorkers: Math.max(Math.min(2, availableParallelism()), availableParallelism() - 1),
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
    coverage: { provider: 'v8', include: ['src/**', 'policies/**', 'traces/**', 'reports/**'], reporter: ['text-summary', 'html'] },
  },
})
