export { type QueryResult, query } from './query.ts'
