export { CacheEstimate } from './estimate.ts'
export { type CacheDomains, CacheFilter, ONE_CACHE } from './filter.ts'
export { type CacheGeometry, checkGeometry, describeGeometry, parseGeometry } from './geometry.ts'
