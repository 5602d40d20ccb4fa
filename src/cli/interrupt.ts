/** Ctrl-C and SIGTERM ask for an orderly end; a second one ends at once. */
import { EXIT } from './command.ts'

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted)
    controller.abort()
  }
  for (const signal of SIGNALS) process.on(signal, onSignal)
  try {
    return await work(controller.signal)
  } catch (error) {
    if ((error as Error).name !== 'AbortError') throw error
    process.stderr.write('interrupted\n')
    return process.exit(EXIT.interrupted)
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal)
  }
}
