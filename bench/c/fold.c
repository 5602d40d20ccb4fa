// The fold in C: the accesses of every tick sorted by page, then cpu, then op, and runs of equal ones counted. Three passes of
// a least-significant-digit radix sort.
//   fold TRACE.u32 [TICK]      one measured run per line on stdin
#include "bench.h"

enum { DIGIT = 11 };

static Trace trace;
static u32 tick = 1000000;
static u32 *keys, *counts, *one, *other;
static u32 *tick_start; // of the pairs
static u32 pairs, ticks;

static void work(void) {
  pairs = ticks = 0;
  for (u32 from = 0; from < trace.n; from += tick) {
    u32 n = trace.n - from < tick ? trace.n - from : tick;
    u32 *source = one, *target = other;
    memcpy(source, trace.words + from, n * 4ull);
    for (int shift = 0; shift < 32; shift += DIGIT) {
      u32 histogram[1 << DIGIT] = {0}, sum = 0;
      for (u32 i = 0; i < n; i++) histogram[source[i] >> shift & ((1 << DIGIT) - 1)]++;
      for (int d = 0; d < 1 << DIGIT; d++) {
        u32 size = histogram[d];
        histogram[d] = sum;
        sum += size;
      }
      for (u32 i = 0; i < n; i++) target[histogram[source[i] >> shift & ((1 << DIGIT) - 1)]++] = source[i];
      u32 *swap = source;
      source = target;
      target = swap;
    }
    tick_start[ticks++] = pairs;
    for (u32 i = 0; i < n;) {
      u32 key = source[i], j = i + 1;
      while (j < n && source[j] == key) j++;
      keys[pairs] = key;
      counts[pairs++] = j - i;
      i = j;
    }
  }
  tick_start[ticks] = pairs;
}

static void prepare(void) {}

static void report(void) {
  u32 hash = 0;
  for (u32 t = 0; t < ticks; t++)
    for (u32 k = tick_start[t]; k < tick_start[t + 1]; k++) hash += counts[k] * cell_hash(t, keys[k]);
  printf(",\"accesses\":%u,\"pairs\":%u,\"ticks\":%u,\"hash\":%u", trace.n, pairs, ticks, hash);
}

int main(int argc, char **argv) {
  if (argc < 2) { fputs("usage: fold TRACE.u32 [TICK]\n", stderr); return 2; }
  trace = read_trace(argv[1]);
  if (argc > 2) tick = strtoul(argv[2], 0, 0);
  keys = fresh(trace.n * 4ull);
  counts = fresh(trace.n * 4ull);
  one = fresh(tick * 4ull);
  other = fresh(tick * 4ull);
  tick_start = fresh((trace.n / tick + 2) * 4ull);
  serve(prepare, work, report);
  return 0;
}
