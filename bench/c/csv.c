// Reading a CSV of accesses (time_ns,pid,tid,cpu,op,addr,size) into columns, pages numbered by first touch.
//   csv bytes|words FILE.csv      one measured run per line on stdin, from the file to the columns
//
// bytes   one byte at a time
// words   eight bytes at a time: commas found and digits converted within a 64-bit word (SWAR)
#include "bench.h"

enum { CHUNK = 1 << 20, ROWS = CHUNK / 16 };

static u64 times[ROWS], addresses[ROWS];
static u8 keys[ROWS]; // cpu << 1 | write
static u32 ids[ROWS];

static u32 bytes_scan(const u8 *b, u32 end) {
  u32 i = 0, rows = 0;
  while (i < end) {
    u64 time = 0, address = 0;
    u32 cpu = 0;
    u8 c;
    while ((c = b[i++]) != ',') time = time * 10 + (c - '0');
    while (b[i++] != ',') {}
    while (b[i++] != ',') {}
    while ((c = b[i++]) != ',') cpu = cpu * 10 + (c - '0');
    u32 write = b[i] == 'W';
    i += 4; // op, comma, 0x
    while ((c = b[i++]) != ',') address = address << 4 | ((c & 15) + 9 * (c >> 6));
    while (b[i++] != '\n') {}
    times[rows] = time;
    keys[rows] = cpu << 1 | write;
    addresses[rows++] = address;
  }
  return rows;
}

static inline u64 load8(const u8 *p) {
  u64 v;
  memcpy(&v, p, 8);
  return v;
}

// Bytes before the first one that equals the pattern's, at most 8.
static inline u32 length_before(u64 v, u64 pattern) {
  u64 x = v ^ pattern;
  x = (x - 0x0101010101010101ull) & ~x & 0x8080808080808080ull;
  return x ? __builtin_ctzll(x) >> 3 : 8;
}

// n digits, 1 to 8, lowest byte first.
static inline u64 decimal8(u64 v, u32 n) {
  v <<= (8 - n) * 8;
  v &= 0x0F0F0F0F0F0F0F0Full;
  v = v * 10 + (v >> 8);
  return ((v & 0x000000FF000000FFull) * (100 + (1000000ull << 32)) + (v >> 16 & 0x000000FF000000FFull) * (1 + (10000ull << 32))) >> 32;
}

static inline u64 hex8(u64 v, u32 n) {
  v = (v & 0x0F0F0F0F0F0F0F0Full) + 9 * (v >> 6 & 0x0101010101010101ull);
  v <<= (8 - n) * 8;
  v = __builtin_bswap64(v);
  v = (v | v >> 4) & 0x00FF00FF00FF00FFull;
  v = (v | v >> 8) & 0x0000FFFF0000FFFFull;
  return (v | v >> 16) & 0xFFFFFFFFull;
}

// Reads up to 16 bytes past the end.
static u32 words_scan(const u8 *b, u32 end) {
  const u64 COMMA = 0x2C2C2C2C2C2C2C2Cull, NEWLINE = 0x0A0A0A0A0A0A0A0Aull;
  static const u64 power[9] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
  u32 i = 0, rows = 0, l;
  while (i < end) {
    u64 time = 0, address = 0;
    for (;;) {
      u64 v = load8(b + i);
      l = length_before(v, COMMA);
      if (l) time = time * power[l] + decimal8(v, l);
      i += l;
      if (l < 8 || b[i] == ',') break;
    }
    i++;
    for (int field = 0; field < 2; field++) {
      while ((l = length_before(load8(b + i), COMMA)) == 8) i += 8;
      i += l + 1;
    }
    u32 cpu = b[i++] - '0';
    for (u8 c; (c = b[i++]) != ',';) cpu = cpu * 10 + (c - '0');
    u32 write = b[i] == 'W';
    i += 4;
    for (;;) {
      u64 v = load8(b + i);
      l = length_before(v, COMMA);
      if (l) address = address << (4 * l) | hex8(v, l);
      i += l;
      if (l < 8 || b[i] == ',') break;
    }
    i++;
    while ((l = length_before(load8(b + i), NEWLINE)) == 8) i += 8;
    i += l + 1;
    times[rows] = time;
    keys[rows] = cpu << 1 | write;
    addresses[rows++] = address;
  }
  return rows;
}

// Open addressing over (low, high, id + 1).
typedef struct { u32 low, high, id; } Slot;
static const u32 MASK = (1u << 22) - 1;
static Slot *slots;
static u32 pages;

static void number_pages(u32 rows) {
  for (u32 i = 0; i < rows; i++) {
    u64 page = addresses[i] >> 12;
    u32 low = page, high = page >> 32, h = low * 0x9E3779B1u ^ high * 0x85EBCA77u;
    h = (h ^ h >> 15) & MASK;
    for (;; h = (h + 1) & MASK) {
      Slot *slot = slots + h;
      if (slot->id == 0) *slot = (Slot){low, high, ++pages};
      else if (slot->low != low || slot->high != high) continue;
      ids[i] = slot->id - 1;
      break;
    }
  }
}

static const char *file;
static int by_words;
static u8 *buffer;
static u64 rows_read;
static u32 id_sum;

static void prepare(void) {
  pages = rows_read = id_sum = 0;
  memset(slots, 0, (MASK + 1ull) * sizeof(Slot));
}

static void work(void) {
  FILE *f = fopen(file, "rb");
  if (!f) { perror(file); exit(2); }
  setvbuf(f, 0, _IONBF, 0);
  u32 kept = 0, in_header = 1;
  for (size_t got; (got = fread(buffer + kept, 1, CHUNK, f)) > 0;) {
    u32 total = kept + got, end = total, from = 0;
    while (end && buffer[end - 1] != '\n') end--;
    if (in_header) while (buffer[from++] != '\n') {}
    in_header = 0;
    u32 rows = (by_words ? words_scan : bytes_scan)(buffer + from, end - from);
    number_pages(rows);
    for (u32 i = 0; i < rows; i++) id_sum += ids[i] * (keys[i] + 1);
    rows_read += rows;
    kept = total - end;
    memmove(buffer, buffer + end, kept);
  }
  fclose(f);
}

static void report(void) { printf(",\"rows\":%llu,\"pages\":%u,\"hash\":%u", (unsigned long long)rows_read, pages, id_sum); }

int main(int argc, char **argv) {
  if (argc < 3) { fputs("usage: csv bytes|words FILE.csv\n", stderr); return 2; }
  by_words = !strcmp(argv[1], "words");
  file = argv[2];
  buffer = fresh(2 * CHUNK + 64);
  slots = fresh((MASK + 1ull) * sizeof(Slot));
  serve(prepare, work, report);
  return 0;
}
