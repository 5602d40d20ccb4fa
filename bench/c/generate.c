// Synthetic page-access traces with the patterns that matter to placement.
//   generate PATTERN PAGES N SEED OUT.u32         packed words, see bench.h
//   generate PATTERN PAGES N SEED OUT.csv --csv   time_ns,pid,tid,cpu,op,addr,size, some 42 bytes a row
//
// zipf    independent zipf(0.99) pages; 60 % of the accesses to a page come from its home cpu
// stream  16 cpus walk a slice each, 64 accesses a page, interleaved in bursts of 1 to 32
// mix     half the bursts stream, half are zipf pages touched 1 to 8 times; who uses what rotates in 64 phases
#include "bench.h"

static u64 state[2];

// xorshift128+
static inline u64 rnd(void) {
  u64 a = state[0], b = state[1];
  state[0] = b;
  a ^= a << 23;
  state[1] = a ^ b ^ a >> 17 ^ b >> 26;
  return state[1] + b;
}

static inline double uniform(void) { return (double)(rnd() >> 11) * 0x1p-53; }

// Gray et al., Quickly generating billion-record synthetic databases, SIGMOD 1994, section 3.2
static const double THETA = 0.99;
static double zeta, items, alpha, eta;

static void zipf_over(u64 n) {
  for (u64 i = 1; i <= n; i++) zeta += pow(i, -THETA);
  items = n;
  alpha = 1 / (1 - THETA);
  eta = (1 - pow(2.0 / n, 1 - THETA)) / (1 - (1 + pow(0.5, THETA)) / zeta);
}

static u64 zipf(void) {
  double u = uniform(), scaled = u * zeta;
  if (scaled < 1) return 0;
  if (scaled < 1 + pow(0.5, THETA)) return 1;
  u64 rank = items * pow(eta * u - eta + 1, alpha);
  return rank >= items ? items - 1 : rank;
}

static u32 *scrambled(u32 pages) {
  u32 *order = malloc(pages * 4ull);
  for (u32 i = 0; i < pages; i++) order[i] = i;
  for (u32 i = pages - 1; i > 0; i--) {
    u32 j = rnd() % (i + 1), other = order[i];
    order[i] = order[j];
    order[j] = other;
  }
  return order;
}

static inline u32 word(u32 page, u32 cpu, u64 bits) { return page << 8 | cpu << 1 | ((bits & 1023) < 307); }
static inline u32 home_cpu(u32 page) { return (page * 2654435761u) >> 28; }

static void zipf_trace(u32 *out, u64 n, const u32 *order) {
  for (u64 i = 0; i < n; i++) {
    u32 page = order[zipf()];
    u64 r = rnd();
    u32 cpu = (r & 1023) < 614 ? home_cpu(page) : r >> 10 & 15;
    out[i] = word(page, cpu, r >> 20);
  }
}

static void bursts(u32 *out, u64 n, u32 pages, const u32 *order, int mix) {
  u64 walked[CPUS] = {0}, slice = pages / CPUS;
  for (u64 i = 0; i < n;) {
    u64 r = rnd();
    u32 cpu = r & 15, phase = mix ? i * 64 / n : 0;
    r >>= 4;
    if (mix && (r & 1)) {
      u32 page = order[zipf()];
      if ((r >> 1 & 1023) < 614) cpu = (home_cpu(page) + phase) & 15;
      for (int left = 1 + (r >> 12 & 7); left-- && i < n;) out[i++] = word(page, cpu, rnd());
    } else {
      for (int left = 1 + (r >> 12 & 31); left-- && i < n;) {
        u64 at = walked[cpu]++;
        out[i++] = word(((cpu + phase) & 15) * slice + (at >> 6) % slice, cpu, r >> 20);
      }
    }
  }
}

static void number_by_first_touch(u32 *words, u64 n, u32 pages) {
  u32 *dense = malloc(pages * 4ull), next = 0;
  memset(dense, 255, pages * 4ull);
  for (u64 i = 0; i < n; i++) {
    u32 page = page_of(words[i]);
    if (dense[page] == ~0u) dense[page] = next++;
    words[i] = dense[page] << 8 | (words[i] & 255);
  }
}

static void write_csv(FILE *f, const u32 *words, u64 n) {
  u64 time = 1000000000ull;
  fputs("time_ns,pid,tid,cpu,op,addr,size\n", f);
  for (u64 i = 0; i < n; i++) {
    u32 w = words[i], cpu = cpu_of(w);
    time += 1 + (rnd() & 63);
    u64 address = (u64)page_of(w) << 12 | (rnd() & 0xff8);
    fprintf(f, "%llu,4242,%u,%u,%c,0x7f%010llx,8\n", (unsigned long long)time, 4242 + cpu, cpu, w & 1 ? 'W' : 'R', (unsigned long long)address);
  }
}

int main(int argc, char **argv) {
  if (argc < 6) { fputs("usage: generate zipf|stream|mix PAGES N SEED OUT [--csv]\n", stderr); return 2; }
  const char *pattern = argv[1];
  u32 pages = strtoul(argv[2], 0, 0);
  u64 n = strtoull(argv[3], 0, 0);
  state[0] = strtoull(argv[4], 0, 0) * 0x9E3779B97F4A7C15ull + 1;
  state[1] = 0xD1B54A32D192ED03ull;
  for (int i = 0; i < 20; i++) rnd();

  u32 *words = malloc(n * 4), *order = scrambled(pages);
  if (strcmp(pattern, "stream")) zipf_over(pages);
  if (!strcmp(pattern, "zipf")) zipf_trace(words, n, order);
  else bursts(words, n, pages, order, !strcmp(pattern, "mix"));
  number_by_first_touch(words, n, pages);

  FILE *f = fopen(argv[5], "wb");
  if (!f) { perror(argv[5]); return 2; }
  if (argc > 6) write_csv(f, words, n);
  else fwrite(words, 4, n, f);
  return fclose(f) == 0 ? 0 : 1;
}
