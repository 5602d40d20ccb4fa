/** What the module offers. Each function has a twin of the same meaning in ../twins.ts. */
export { accesses, account } from './account'
export { packColumn, rankTouches, unpackColumn, unpackPairs, unpackTouches } from './frames'
export { optimumEpoch } from './optimum'
export { findFaults } from './touches'
