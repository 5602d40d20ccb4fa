/** Constants of Linux 6.12, each with its source. */

/** mm/page_alloc.c:calculate_min_free_kbytes(): sqrt(16 * lowmem), clamped. */
export const MIN_FREE_KBYTES = { least: 128, most: 262144 } as const
/** mm/khugepaged.c:set_recommended_min_free_kbytes(): never more than 5 % of low memory. */
export const lowmemLimitKib = (lowmemKib: number): number => Math.floor(lowmemKib / 20)
/** vm.watermark_scale_factor, in 1/10000 of a zone. */
export const WATERMARK_SCALE_FACTOR = 10

/** mm/migrate.c: NR_MAX_BATCHED_MIGRATION = HPAGE_PMD_NR base pages per batch. */
export const MAX_BATCHED_PAGES = 512
/** mm/migrate.c: NR_MAX_MIGRATE_PAGES_RETRY, passes of an asynchronous caller. */
export const ASYNC_CALLER_PASSES = 10
/** mm/migrate.c: NR_MAX_MIGRATE_ASYNC_RETRY, passes of the first, asynchronous stage of a synchronous caller. */
export const ASYNC_STAGE_PASSES = 3
/** mm/migrate.c: NR_MAX_MIGRATE_SYNC_RETRY, passes of the second stage, folio by folio. */
export const SYNC_STAGE_PASSES = 7

/** Order of a transparent huge page: HPAGE_PMD_ORDER on x86-64. */
export const THP_ORDER = 9
export const THP_PAGES = 1 << THP_ORDER

/** kernel/sched/fair.c:task_numa_work(): address range passed over per page of the scan budget. */
export const SCAN_VIRTUAL_FACTOR = 8

/** mm/memory.c: fault_around_bytes = 64 KiB. */
export const FAULT_AROUND_PAGES = 16
