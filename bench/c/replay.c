// Replaying single accesses: what a C program does for one policy.
//   replay KERNEL TRACE.u32 [TICK]      one measured run per line on stdin, one line of JSON each
//
// static1   placement by first touch, one table of counters
// static4   the same with four tables, so that an access need not wait for the store of the one before
// online    two-touch: a page moves to a node from which it was used twice in a row; as one writes it, with branches
// table     the same without branches: next state and migrations from a table
// count     what a policy that acts every TICK accesses needs: accesses per (page, node, op), listed and cleared each tick
// hint      two-touch on hint faults: only a page's first touch in each tick is seen (the twin of ../two-touch.ts)
#include "bench.h"

static Trace trace;
static u32 tick = 1000000;
static u8 *placement;       // by first touch
static u8 *at;              // a policy's own placement, or its state
static u32 *stamp;          // tick in which the page was touched last
static u8 *last;            // node of the last fault
static u32 *acc, *listed, *counts; // of `count`
static u32 counter[4][NODES << 8]; // node << 8 | cpu << 1 | write
static u32 transition[256 << 3];
static u8 next_state[256 << 3];
static u32 migrations, pairs;

static void static1(void) {
  const u32 *restrict w = trace.words;
  const u8 *restrict node = placement;
  u32 *restrict c = counter[0];
  for (u32 i = 0; i < trace.n; i++) c[(u32)node[page_of(w[i])] << 8 | (w[i] & 255)]++;
}

static void static4(void) {
  const u32 *restrict w = trace.words;
  const u8 *restrict node = placement;
  u32 i = 0;
  for (; i + 4 <= trace.n; i += 4) {
    u32 a = w[i], b = w[i + 1], c = w[i + 2], d = w[i + 3];
    counter[0][(u32)node[page_of(a)] << 8 | (a & 255)]++;
    counter[1][(u32)node[page_of(b)] << 8 | (b & 255)]++;
    counter[2][(u32)node[page_of(c)] << 8 | (c & 255)]++;
    counter[3][(u32)node[page_of(d)] << 8 | (d & 255)]++;
  }
  for (; i < trace.n; i++) counter[0][(u32)node[page_of(w[i])] << 8 | (w[i] & 255)]++;
}

// State of a page: node | last node << 4.
static void online(void) {
  const u32 *restrict w = trace.words;
  u8 *restrict state = at;
  u32 *restrict c = counter[0];
  u32 moved = 0;
  for (u32 i = 0; i < trace.n; i++) {
    u32 x = w[i], page = page_of(x), s = state[page], home = s & 15, node = node_of(x);
    c[home << 8 | (x & 255)]++;
    if (node == home) continue;
    if (s >> 4 == node) {
      state[page] = node | node << 4;
      moved++;
    } else state[page] = home | node << 4;
  }
  migrations = moved;
}

static void table(void) {
  const u32 *restrict w = trace.words;
  u8 *restrict state = at;
  u32 *restrict c = counter[0];
  for (u32 i = 0; i < trace.n; i++) {
    u32 x = w[i], page = page_of(x), s = state[page], key = s << 3 | node_of(x);
    c[(s & 15) << 8 | (x & 255)]++;
    transition[key]++;
    state[page] = next_state[key];
  }
}

static void count(void) {
  const u32 *restrict w = trace.words;
  pairs = 0;
  for (u32 from = 0; from < trace.n; from += tick) {
    u32 to = trace.n - from < tick ? trace.n : from + tick, m = 0;
    for (u32 i = from; i < to; i++) {
      u32 key = page_of(w[i]) << 4 | node_of(w[i]) << 1 | (w[i] & 1), before = acc[key]++;
      listed[m] = key;
      m += before == 0;
    }
    for (u32 j = 0; j < m; j++) {
      counts[j] = acc[listed[j]];
      acc[listed[j]] = 0;
    }
    pairs += m;
  }
}

static void hint(void) {
  const u32 *restrict w = trace.words;
  u32 moved = 0, now = 0;
  for (u32 from = 0; from < trace.n; from += tick) {
    u32 to = trace.n - from < tick ? trace.n : from + tick;
    now++;
    for (u32 i = from; i < to; i++) {
      u32 x = w[i], page = page_of(x), node = node_of(x);
      if (at[page] == 255) at[page] = node;
      else if (stamp[page] != now) {
        if (last[page] == node && at[page] != node) {
          at[page] = node;
          moved++;
        }
        last[page] = node;
      }
      stamp[page] = now;
      counter[0][(u32)at[page] << 8 | (x & 255)]++;
    }
  }
  migrations = moved;
}

static const char *kernel;
static int is(const char *name) { return !strcmp(kernel, name); }

static void prepare(void) {
  memset(counter, 0, sizeof counter);
  memset(transition, 0, sizeof transition);
  migrations = 0;
  if (is("online") || is("table")) for (u32 p = 0; p < trace.pages; p++) at[p] = placement[p] | placement[p] << 4;
  if (is("hint")) {
    memset(at, 255, trace.pages);
    memset(last, 255, trace.pages);
    memset(stamp, 0, trace.pages * 4ull);
  }
}

// Accesses by [cpu node][memory node][op], and migrations.
static void report(void) {
  u32 by[NODES][NODES][2] = {0};
  for (int bank = 0; bank < 4; bank++)
    for (u32 node = 0; node < NODES; node++)
      for (u32 key = 0; key < 256; key++) by[node_of(key)][node][key & 1] += counter[bank][node << 8 | key];
  if (is("table"))
    for (u32 key = 0; key < 256 << 3; key++) if ((next_state[key] & 15) != (key >> 3 & 15)) migrations += transition[key];
  printf(",\"accesses\":%u,\"migrations\":%u,\"pairs\":%u,\"counters\":[", trace.n, migrations, pairs);
  for (int i = 0; i < NODES * NODES * 2; i++) printf("%s%u", i ? "," : "", ((u32 *)by)[i]);
  printf("]");
}

int main(int argc, char **argv) {
  if (argc < 3) { fputs("usage: replay static1|static4|online|table|count|hint TRACE.u32 [TICK]\n", stderr); return 2; }
  kernel = argv[1];
  trace = read_trace(argv[2]);
  if (argc > 3) tick = strtoul(argv[3], 0, 0);
  placement = fresh(trace.pages);
  memset(placement, 255, trace.pages);
  for (u32 i = 0; i < trace.n; i++) if (placement[page_of(trace.words[i])] == 255) placement[page_of(trace.words[i])] = node_of(trace.words[i]);
  at = fresh(trace.pages);
  last = fresh(trace.pages);
  stamp = fresh(trace.pages * 4ull);
  for (int s = 0; s < 256; s++)
    for (int node = 0; node < NODES; node++) {
      int home = s & 15, before = s >> 4;
      next_state[s << 3 | node] = node == home ? s : before == node ? node | node << 4 : home | node << 4;
    }
  if (is("count")) {
    acc = fresh(trace.pages * 16ull * 4);
    listed = fresh((tick + 1) * 4ull);
    counts = fresh((tick + 1) * 4ull);
  }
  void (*work)(void) = is("static1") ? static1 : is("static4") ? static4 : is("online") ? online : is("table") ? table : is("count") ? count : is("hint") ? hint : 0;
  if (!work) { fprintf(stderr, "no kernel %s\n", kernel); return 2; }
  serve(prepare, work, report);
  return 0;
}
