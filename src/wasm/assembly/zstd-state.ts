/** What a decoder of zstd keeps from block to block, byte offsets; ZSTD of ../zstd.ts has what its caller must know. */

/** The three offsets used last; log2 of the Huffman table, 0 for none. */
export const RECENT: usize = 0
export const HUFFMAN_LOG: usize = 12
/** Tables in use: address, 0 for none, and log2 of the states. */
export const LITERALS_IN_USE: usize = 16
export const OFFSETS_IN_USE: usize = 24
export const MATCHES_IN_USE: usize = 32
/** By code: base, extra bits << 24. */
export const LITERALS_CODES: usize = 64
export const MATCHES_CODES: usize = 256
/** Tables of the standard: 64, 32, 64 states. */
export const LITERALS_STANDARD: usize = 512
export const OFFSETS_STANDARD: usize = 768
export const MATCHES_STANDARD: usize = 896
/** Tables of the frame: up to 2^9, 2^8, 2^9 states, for weights 2^6. */
export const LITERALS_TABLE: usize = 2048
export const OFFSETS_TABLE: usize = 4096
export const MATCHES_TABLE: usize = 5120
export const WEIGHTS_TABLE: usize = 7168
/** i16 each, and weights of 8 bits: 256 and the few that come with the last. */
export const SHARES: usize = 7424
export const WEIGHTS: usize = 7968
/** 2^11 codes, 16 bits each. */
export const HUFFMAN: usize = 8256
/** 2^17 bytes, and what is read beyond. */
export const LITERALS: usize = 12416
/** The block, with zeros in front of it. */
export const BODY: usize = LITERALS + (1 << 17) + 64
