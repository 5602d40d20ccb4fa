/** What the module offers. Each function has a twin of the same meaning in ../twins.ts. */
export { accesses, account } from './account'
export { nextFault } from './touches'
