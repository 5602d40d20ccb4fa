// What the yardsticks share: traces, clocks, and the loop that serves one measured run per line on stdin.
//
// A trace is an array of little-endian u32, one per access: page << 8 | cpu << 1 | write. 16 cpus, two on each of 8 nodes;
// pages are numbered densely in order of first touch.
#pragma once
#define _GNU_SOURCE
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

enum { NODES = 8, CPUS = 16 };

static inline u32 page_of(u32 word) { return word >> 8; }
static inline u32 cpu_of(u32 word) { return word >> 1 & 127; }
static inline u32 node_of(u32 word) { return word >> 2 & 7; }

static inline double seconds(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

// Zeroed, page-aligned, never freed.
static inline void *fresh(size_t bytes) {
  void *at = mmap(0, bytes + 64, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) { perror("mmap"); exit(1); }
  return at;
}

typedef struct { u32 *words; u32 n, pages; } Trace;

static inline Trace read_trace(const char *file) {
  FILE *f = fopen(file, "rb");
  if (!f) { perror(file); exit(2); }
  fseek(f, 0, SEEK_END);
  Trace trace = {.n = ftell(f) / 4};
  rewind(f);
  trace.words = fresh(trace.n * 4ull);
  if (fread(trace.words, 4, trace.n, f) != trace.n) { perror(file); exit(1); }
  fclose(f);
  for (u32 i = 0; i < trace.n; i++) if (page_of(trace.words[i]) >= trace.pages) trace.pages = page_of(trace.words[i]) + 1;
  return trace;
}

// Linear in the counts, so that any order of summing gives the same: sum of count x hash(tick, page, cpu, op), modulo 2^32.
static inline u32 cell_hash(u32 tick, u32 word) {
  u32 h = word * 0x9E3779B1u ^ (tick + 1) * 0x85EBCA6Bu;
  h ^= h >> 15;
  h *= 0x2C1B3C6Du;
  return h ^ h >> 13;
}

// For every line on stdin: `prepare`, then `work` between two readings of the clocks, then one line of JSON whose other
// fields `report` prints.
static inline void serve(void (*prepare)(void), void (*work)(void), void (*report)(void)) {
  for (int c; (c = getchar()) != EOF;) {
    if (c != '\n') continue;
    prepare();
    double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), wall = seconds(CLOCK_MONOTONIC);
    work();
    printf("{\"cpu\":%.9f,\"wall\":%.9f", seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu, seconds(CLOCK_MONOTONIC) - wall);
    report();
    puts("}");
    fflush(stdout);
  }
}
