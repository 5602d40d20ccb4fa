// The best placement of every page over time, by dynamic programming, 8 nodes, one price for every move.
//   optimum pairs PAGES EPOCHS COSTS       one measured run per line on stdin
//   optimum dense PAGES EPOCHS
//
// pairs   whole picoseconds, exact, on the (page, actor, reads, writes) records that occur, epoch after epoch; pages' states lie in
//         one array. The same algorithm as the product's on the same records. COSTS: numbers in a text file: what a move costs, then
//         64 read and 64 write latencies [actor][node], ps.
// dense   float nanoseconds on counts [page][epoch][node], page after page, with the placement itself walked back.
#include "bench.h"

// One number per node, in one vector register where the machine has them so wide.
typedef u32 Row __attribute__((vector_size(NODES * 4), aligned(4)));

static u32 pages, epochs;

// --- pairs

typedef struct { u32 page, actor, reads, writes; } Pair;

enum { PHASES = 4, PER_PHASE = 2, BLOCKS = PHASES * PER_PHASE, PER_PAGE = 2 };
static Pair *blocks[BLOCKS];
static u32 move_ps, read_ps[NODES * NODES], write_ps[NODES * NODES];
static u32 most_ps; // of all latencies
static u32 *beyond; // [page][node] what a page's cheapest history that ends there costs beyond its cheapest of all; at most move_ps
static double total_ps;

// Each page is used by two nodes in each epoch; the main one changes with the phase, the other comes and goes. Two blocks of each
// phase are used in turn. bench/cases/optimum.mjs makes the same ones.
static void make_blocks(void) {
  for (u32 b = 0; b < BLOCKS; b++) {
    blocks[b] = fresh((u64)pages * PER_PAGE * sizeof(Pair));
    u32 random = b * 2654435761u;
    for (u32 k = 0; k < pages * PER_PAGE; k++) {
      random = random * 1664525u + 1013904223u;
      u32 page = k / PER_PAGE, user = (page + b / PER_PHASE) % NODES;
      if (k % PER_PAGE == 0) blocks[b][k] = (Pair){page, user, random >> 24, 0};
      else blocks[b][k] = (Pair){page, (user + 1 + (random >> 29)) % NODES, random >> 20 & 127, 0};
    }
  }
}

// One epoch of one page whose counts are too large for sums in 32 bits.
static void large_step(const Pair *from, const Pair *to, u32 *restrict own) {
  u64 cost[NODES], least = ~0ull;
  for (int m = 0; m < NODES; m++) cost[m] = own[m];
  for (const Pair *p = from; p < to; p++)
    for (int m = 0; m < NODES; m++) cost[m] += (u64)p->reads * read_ps[p->actor * NODES + m] + (u64)p->writes * write_ps[p->actor * NODES + m];
  for (int m = 0; m < NODES; m++) if (cost[m] < least) least = cost[m];
  for (int m = 0; m < NODES; m++) own[m] = cost[m] - least < move_ps ? cost[m] - least : move_ps;
  total_ps += least;
}

static void epoch(const Pair *pairs, u32 n) {
  const u32 most_accesses = (~0u - move_ps) / most_ps;
  const Pair *end = pairs + n;
  while (pairs < end) {
    const Pair *from = pairs;
    u32 page = pairs->page;
    u64 accesses = 0;
    Row *own = (Row *)(beyond + (u64)page * NODES), cost = *own;
    for (; pairs < end && pairs->page == page; pairs++) {
      accesses += (u64)pairs->reads + pairs->writes;
      cost += pairs->reads * *(Row *)(read_ps + pairs->actor * NODES) + pairs->writes * *(Row *)(write_ps + pairs->actor * NODES);
    }
    if (accesses > most_accesses) {
      large_step(from, pairs, (u32 *)own);
      continue;
    }
    u32 least = cost[0];
    for (int m = 1; m < NODES; m++) least = cost[m] < least ? cost[m] : least;
    cost -= least;
    Row fits = (Row)(cost < move_ps);
    *own = (cost & fits) | (move_ps & ~fits);
    total_ps += least;
  }
}

static void work_pairs(void) {
  for (u32 t = 0; t < epochs; t++) epoch(blocks[t * PHASES / epochs * PER_PHASE + t % PER_PHASE], pages * PER_PAGE);
}

static void prepare_pairs(void) {
  memset(beyond, 0, (u64)pages * NODES * 4);
  total_ps = 0;
}

static void read_costs(const char *file) {
  FILE *f = fopen(file, "r");
  if (!f) { perror(file); exit(2); }
  int got = fscanf(f, "%u", &move_ps);
  for (int i = 0; i < NODES * NODES; i++) got += fscanf(f, "%u", read_ps + i);
  for (int i = 0; i < NODES * NODES; i++) got += fscanf(f, "%u", write_ps + i);
  if (got != 1 + 2 * NODES * NODES) { fprintf(stderr, "%s: expected %d numbers\n", file, 1 + 2 * NODES * NODES); exit(2); }
  fclose(f);
  for (int i = 0; i < NODES * NODES; i++) {
    if (read_ps[i] > most_ps) most_ps = read_ps[i];
    if (write_ps[i] > most_ps) most_ps = write_ps[i];
  }
}

// --- dense

static u16 *counts;
static u8 *placed;
static float latency[NODES * NODES];
static double total_ns;

static void work_dense(void) {
  const float move = 5000;
  u8 moved[1024], least_node[1024];
  for (u32 p = 0; p < pages; p++) {
    float cost[NODES] = {0};
    const u16 *count = counts + (u64)p * epochs * NODES;
    for (u32 e = 0; e < epochs; e++, count += NODES) {
      float least = cost[0], step[NODES] = {0};
      int node = 0;
      for (int n = 1; n < NODES; n++) if (cost[n] < least) least = cost[n], node = n;
      for (int from = 0; from < NODES; from++) {
        float x = count[from];
        for (int n = 0; n < NODES; n++) step[n] += x * latency[from * NODES + n];
      }
      u32 mask = 0;
      for (int n = 0; n < NODES; n++) {
        u32 moves = cost[n] > least + move;
        mask |= moves << n;
        cost[n] = (moves ? least + move : cost[n]) + step[n];
      }
      moved[e] = mask;
      least_node[e] = node;
    }
    float least = cost[0];
    int node = 0;
    for (int n = 1; n < NODES; n++) if (cost[n] < least) least = cost[n], node = n;
    total_ns += least;
    for (int e = epochs - 1; e >= 0; e--) {
      placed[(u64)p * epochs + e] = node;
      if (moved[e] >> node & 1) node = least_node[e];
    }
  }
}

static void prepare_dense(void) { total_ns = 0; }

static void make_counts(void) {
  counts = fresh((u64)pages * epochs * NODES * 2);
  placed = fresh((u64)pages * epochs);
  for (int a = 0; a < NODES; a++)
    for (int b = 0; b < NODES; b++) latency[a * NODES + b] = 80 + (a == b ? 0 : (a ^ b) & 4 ? 120 : 60);
  u32 random = 1;
  for (u64 i = 0; i < (u64)pages * epochs; i++) {
    random = random * 1664525u + 1013904223u;
    counts[i * NODES + ((i / epochs + i % epochs / 25) & 7)] = random >> 24;
    random = random * 1664525u + 1013904223u;
    counts[i * NODES + (random >> 29)] += random >> 20 & 127;
  }
}

// --- both

static void report_pairs(void) { printf(",\"ps\":%.0f", total_ps); }
static void report_dense(void) { printf(",\"ns\":%.0f", total_ns); }

int main(int argc, char **argv) {
  if (argc < 4) { fputs("usage: optimum pairs|dense PAGES EPOCHS [COSTS]\n", stderr); return 2; }
  pages = strtoul(argv[2], 0, 0);
  epochs = strtoul(argv[3], 0, 0);
  if (!strcmp(argv[1], "dense")) {
    if (epochs > 1024) { fputs("at most 1024 epochs\n", stderr); return 2; }
    make_counts();
    serve(prepare_dense, work_dense, report_dense);
  } else {
    if (argc < 5) { fputs("pairs needs COSTS\n", stderr); return 2; }
    read_costs(argv[4]);
    make_blocks();
    beyond = fresh((u64)pages * NODES * 4);
    serve(prepare_pairs, work_pairs, report_pairs);
  }
  return 0;
}
