/** What the module offers. Each function has a twin of the same meaning in ../twins.ts. */
export { accesses, account } from './account'
export { digestRecords } from './digest'
export { foldAccesses, foldPairs, foldTouches, indexPairs, resetFold, sortPairs, tallyPairs } from './fold'
export { packColumn, rankTouches, unpackColumn, unpackPairs, unpackTouches } from './frames'
export { findActors, findPages, indexPages, timesWithin } from './intern'
export { optimumEpoch } from './optimum'
export { scanTable } from './scan'
export { findFaults } from './touches'
