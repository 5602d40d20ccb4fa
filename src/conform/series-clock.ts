/**
 * What the recordings do not tell and a time series needs: how fast the emulated machines were. Constants of the recording
 * machine (QEMU, software emulation; kernels 6.12), not of the kernel; the same for all cases. Times of a
 * touch and crowding are medians over all repeats; the others are not in the recordings by themselves and were chosen once, for all
 * cases together, from the spacing of scans and the pace of faults and of kswapd. Single repeats differ by a factor of three.
 */

/** Scheduler tick: Debian's kernels have CONFIG_HZ=250. */
export const TICK = 4e6

/** Time of one touch in a loop, ns. */
export const TOUCH = 270
/** … while its pages fit into the emulator's translation cache of 256 entries. */
export const CACHED_TOUCH = 50
export const CACHED_PAGES = 256

/** Every further thread that runs slows all down by so much: the host had fewer cores than the emulated machines have cpus. */
export const CROWDING = 0.6

/** A hint fault that only makes the page accessible again, ns. */
export const LOCAL_FAULT = 15_000
/** A hint fault that moves its page, ns. */
export const MOVING_FAULT = 60_000
/** Marking one pte, ns. */
export const SCAN_PTE = 200

/** Telling the other cpus of a running process to forget translations, once per scan that marked something, ns: they stop meanwhile. */
export const FLUSH = 25e6

/** What the controller takes of cpu 0 for a sample, ns: so much, and so much for every page that it asks about. */
export const SAMPLE = 8e6
export const SAMPLE_PAGE = 1500

/** kswapd moves a page in so many ns … */
export const RECLAIM_PAGE = 40_000
/** … and so many pages while another cpu allocates one. */
export const RECLAIM_PER_ALLOCATION = 0.9

/** Between the command that starts a thread and the first sample, ns. */
export const STEP = 3e6
/** usleep() of the loop takes this much longer than asked (timer slack, wake-up), ns. */
export const WAKE_UP = 1e6
