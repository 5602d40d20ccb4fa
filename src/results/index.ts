export { checkReplaceable, openRun, type Run, runOf, writeRun } from './run-folder.ts'
export * from './schema.ts'
