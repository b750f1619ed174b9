// Which databases should hold the members of a big dict, so that a point read is one descent and
// items() in insertion order runs at storage speed?
//
//   A  entries: key -> seq, word     order: seq -> key, word    word twice, items() walks `order`
//   B  entries: key -> seq           order: seq -> key, word    a point read takes two descents
//   C  entries: key -> seq, word     order: seq -> key          items() descends once per item
//   D  entries: key -> word          (fixed 8-byte key and word; key order only: the baseline)
//
// Usage: layout_order_index [keys = 10000000] [bits in a key = 62] [seed = 1]
//
// Keys are distinct and arrive in random order; nothing is synced, all data stays in the page
// cache. Point reads renew one read transaction per call, as an operation of a live handle does.

#include <lmdb.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace {

constexpr size_t kPutsPerTransaction = 100'000, kSmallTransaction = 1'000;
constexpr size_t kReads = 2'000'000;
constexpr int kRounds = 3;
constexpr const char* kPath = "/tmp/oocmap_order_index.lmdb";

void check(int rc, const char* call) {
  if (rc == MDB_SUCCESS) return;
  std::fprintf(stderr, "%s: %s\n", call, mdb_strerror(rc));
  std::exit(1);
}

void require(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "wrong result: %s\n", what);
  std::exit(1);
}

// ---- bytes: what one key and one value look like ----

struct Bytes {
  std::array<unsigned char, 48> data;
  size_t size = 0;

  void put(uint64_t byte) { data[size++] = static_cast<unsigned char>(byte); }
  void put_big_endian(uint64_t v, int n) {
    while (n > 0) put(v >> (8 * --n));
  }
  void put_raw(const void* from, size_t n) {
    std::memcpy(&data[size], from, n);
    size += n;
  }
  MDB_val val() { return {size, data.data()}; }
};

int significant_bytes(uint64_t v) { return v == 0 ? 0 : (71 - __builtin_clzll(v)) / 8; }

uint64_t read_big_endian(const unsigned char* p, int n) {
  uint64_t v = 0;
  for (int i = 0; i < n; ++i) v = v << 8 | p[i];
  return v;
}

void put_prefix(Bytes& b) {  // the container's identity, shortest form
  b.put(1);
  b.put(0);
}

// A non-negative int key: class byte that carries the length, then minimal big-endian bytes.
void put_key(Bytes& b, uint64_t key) {
  const int n = significant_bytes(key);
  b.put(0x80 + n);
  b.put_big_endian(key, n);
}

uint64_t read_key(const unsigned char* p) { return read_big_endian(p + 1, p[0] - 0x80); }

// SQLite4's varint: its bytes sort as its values do.
void put_varint(Bytes& b, uint64_t v) {
  if (v <= 240) return b.put(v);
  if (v <= 2287) return b.put_big_endian(((v - 240) / 256 + 241) << 8 | (v - 240) % 256, 2);
  if (v <= 67823) {
    b.put(249);
    return b.put_big_endian(v - 2288, 2);
  }
  const int n = significant_bytes(v);
  b.put(247 + n);
  b.put_big_endian(v, n);
}

uint64_t read_varint(const unsigned char*& p) {
  const unsigned char first = *p++;
  if (first <= 240) return first;
  if (first <= 248) return 240 + 256 * (first - 241) + *p++;
  const int n = first == 249 ? 2 : first - 247;
  const uint64_t v = read_big_endian(p, n);
  p += n;
  return first == 249 ? 2288 + v : v;
}

// Tag byte, then the payload's low bytes, little-endian; the end of the record is its end.
void put_word(Bytes& b, uint64_t word) {
  b.put(2);
  b.put_raw(&word, significant_bytes(word));
}

uint64_t read_word(const unsigned char* p, const unsigned char* end) {
  uint64_t word = 0;
  std::memcpy(&word, p + 1, end - p - 1);
  return word;
}

const unsigned char* begin_of(const MDB_val& v) { return static_cast<unsigned char*>(v.mv_data); }
const unsigned char* end_of(const MDB_val& v) { return begin_of(v) + v.mv_size; }

Bytes entry_key(uint64_t key) {
  Bytes b;
  put_prefix(b);
  put_key(b, key);
  return b;
}

Bytes order_key(uint64_t seq) {
  Bytes b;
  put_prefix(b);
  put_varint(b, seq);
  return b;
}

Bytes seq_and_word(uint64_t seq, uint64_t word) {
  Bytes b;
  put_varint(b, seq);
  put_word(b, word);
  return b;
}

Bytes key_and_word(uint64_t key, uint64_t word) {
  Bytes b;
  b.put(1 + significant_bytes(key));
  put_key(b, key);
  put_word(b, word);
  return b;
}

// ---- LMDB in the few calls used here ----

struct Cursor {
  MDB_cursor* cursor = nullptr;

  void open(MDB_txn* txn, MDB_dbi dbi) { check(mdb_cursor_open(txn, dbi, &cursor), "cursor_open"); }
  void close() { mdb_cursor_close(cursor); }
  void put(Bytes key, Bytes value, unsigned flags) {
    MDB_val k = key.val(), v = value.val();
    check(mdb_cursor_put(cursor, &k, &v, flags), "cursor_put");
  }
  MDB_val seek(Bytes key) {
    MDB_val k = key.val(), v;
    check(mdb_cursor_get(cursor, &k, &v, MDB_SET), "cursor_get");
    return v;
  }
};

MDB_val get(MDB_txn* txn, MDB_dbi dbi, Bytes key) {
  MDB_val k = key.val(), v;
  check(mdb_get(txn, dbi, &k, &v), "get");
  return v;
}

template <class Visit>
void walk(MDB_txn* txn, MDB_dbi dbi, Visit visit) {
  Cursor c;
  c.open(txn, dbi);
  MDB_val k, v;
  while (mdb_cursor_get(c.cursor, &k, &v, MDB_NEXT) == MDB_SUCCESS) visit(k, v);
  c.close();
}

// ---- the layouts: each inserts, reads, updates and lists ----

struct Databases {
  MDB_dbi entries = 0, order = 0;
  Cursor entry, place;  // of the open write transaction

  void open_cursors(MDB_txn* txn) {
    entry.open(txn, entries);
    place.open(txn, order);
  }
  void close_cursors() {
    entry.close();
    place.close();
  }
};

struct LayoutA : Databases {
  static constexpr const char* kName = "A key,word twice";

  void insert(uint64_t key, uint64_t seq, uint64_t word) {
    entry.put(entry_key(key), seq_and_word(seq, word), MDB_NOOVERWRITE);
    place.put(order_key(seq), key_and_word(key, word), MDB_APPEND);
  }
  uint64_t read(MDB_txn* txn, uint64_t key) {
    const MDB_val v = get(txn, entries, entry_key(key));
    const unsigned char* p = begin_of(v);
    read_varint(p);
    return read_word(p, end_of(v));
  }
  void update(uint64_t key, uint64_t word) {
    const unsigned char* p = begin_of(entry.seek(entry_key(key)));
    const uint64_t seq = read_varint(p);
    entry.put(entry_key(key), seq_and_word(seq, word), MDB_CURRENT);
    place.put(order_key(seq), key_and_word(key, word), 0);
  }
  template <class Visit>
  void items(MDB_txn* txn, Visit visit) {
    walk(txn, order, [&](const MDB_val&, const MDB_val& v) {
      const unsigned char* key = begin_of(v) + 1;
      visit(read_key(key), read_word(key + key[-1], end_of(v)));
    });
  }
};

struct LayoutB : Databases {
  static constexpr const char* kName = "B key->seq->word";

  void insert(uint64_t key, uint64_t seq, uint64_t word) {
    Bytes place_of_key;
    put_varint(place_of_key, seq);
    entry.put(entry_key(key), place_of_key, MDB_NOOVERWRITE);
    place.put(order_key(seq), key_and_word(key, word), MDB_APPEND);
  }
  uint64_t read(MDB_txn* txn, uint64_t key) {
    const unsigned char* p = begin_of(get(txn, entries, entry_key(key)));
    const MDB_val v = get(txn, order, order_key(read_varint(p)));
    return read_word(begin_of(v) + 1 + *begin_of(v), end_of(v));
  }
  void update(uint64_t key, uint64_t word) {
    const unsigned char* p = begin_of(entry.seek(entry_key(key)));
    place.put(order_key(read_varint(p)), key_and_word(key, word), 0);
  }
  template <class Visit>
  void items(MDB_txn* txn, Visit visit) {
    walk(txn, order, [&](const MDB_val&, const MDB_val& v) {
      const unsigned char* key = begin_of(v) + 1;
      visit(read_key(key), read_word(key + key[-1], end_of(v)));
    });
  }
};

struct LayoutC : Databases {
  static constexpr const char* kName = "C order->entries";

  void insert(uint64_t key, uint64_t seq, uint64_t word) {
    entry.put(entry_key(key), seq_and_word(seq, word), MDB_NOOVERWRITE);
    Bytes key_only;
    put_key(key_only, key);
    place.put(order_key(seq), key_only, MDB_APPEND);
  }
  uint64_t read(MDB_txn* txn, uint64_t key) {
    const MDB_val v = get(txn, entries, entry_key(key));
    const unsigned char* p = begin_of(v);
    read_varint(p);
    return read_word(p, end_of(v));
  }
  void update(uint64_t key, uint64_t word) {
    const unsigned char* p = begin_of(entry.seek(entry_key(key)));
    const uint64_t seq = read_varint(p);
    entry.put(entry_key(key), seq_and_word(seq, word), MDB_CURRENT);
  }
  template <class Visit>
  void items(MDB_txn* txn, Visit visit) {
    walk(txn, order, [&](const MDB_val&, const MDB_val& v) {
      const uint64_t key = read_key(begin_of(v));
      visit(key, read(txn, key));
    });
  }
};

struct LayoutD : Databases {
  static constexpr const char* kName = "D bare LMDB";

  static Bytes bare_key(uint64_t key) {
    Bytes b;
    b.put_big_endian(key, 8);
    return b;
  }
  static Bytes bare_word(uint64_t word) {
    Bytes b;
    b.put_raw(&word, 8);
    return b;
  }
  static uint64_t read_bare_word(const MDB_val& v) {
    uint64_t word;
    std::memcpy(&word, v.mv_data, 8);
    return word;
  }
  void insert(uint64_t key, uint64_t, uint64_t word) {
    entry.put(bare_key(key), bare_word(word), MDB_NOOVERWRITE);
  }
  uint64_t read(MDB_txn* txn, uint64_t key) {
    return read_bare_word(get(txn, entries, bare_key(key)));
  }
  void update(uint64_t key, uint64_t word) { entry.put(bare_key(key), bare_word(word), 0); }
  template <class Visit>
  void items(MDB_txn* txn, Visit visit) {
    walk(txn, entries, [&](const MDB_val& k, const MDB_val& v) {
      visit(read_big_endian(begin_of(k), 8), read_bare_word(v));
    });
  }
};

// ---- the data: key i and word i, the same for every layout ----

struct Data {
  size_t count;
  int bits;
  uint64_t seed;

  // Multiplying by an odd number and xor-shifting are both bijections on `bits` bits.
  uint64_t key(uint64_t i) const {
    const uint64_t mask = (uint64_t{1} << bits) - 1;
    uint64_t x = (i + seed) & mask;
    for (int round = 0; round < 3; ++round) {
      x = x * 0x9E3779B97F4A7C15u & mask;
      x ^= x >> (bits / 2);
    }
    return x;
  }
  uint64_t word(uint64_t i) const { return (i + seed) * 0xD6E8FEB86659FD93u >> 32; }
};

// ---- measuring ----

struct Result {
  const char* name;
  double insert_us, read_ns, items_ns, update_us, small_update_us;
  double entries_bytes, order_bytes, file_bytes;
};

template <class Body>
double seconds(Body body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

template <class Body>
double median_seconds(Body body) {
  std::array<double, kRounds> times;
  for (double& t : times) t = seconds(body);
  std::sort(times.begin(), times.end());
  return times[kRounds / 2];
}

template <class Body>
void write(MDB_env* env, Databases& databases, Body body) {
  MDB_txn* txn;
  check(mdb_txn_begin(env, nullptr, 0, &txn), "txn_begin");
  databases.open_cursors(txn);
  body();
  databases.close_cursors();
  check(mdb_txn_commit(txn), "txn_commit");
}

MDB_env* create_environment(Databases& databases) {
  unlink(kPath);
  MDB_env* env;
  check(mdb_env_create(&env), "env_create");
  check(mdb_env_set_mapsize(env, size_t{64} << 30), "set_mapsize");
  check(mdb_env_set_maxdbs(env, 2), "set_maxdbs");
  check(mdb_env_open(env, kPath, MDB_NOSYNC | MDB_NOSUBDIR | MDB_NOTLS, 0600), "env_open");
  MDB_txn* txn;
  check(mdb_txn_begin(env, nullptr, 0, &txn), "txn_begin");
  check(mdb_dbi_open(txn, "entries", MDB_CREATE, &databases.entries), "dbi_open");
  check(mdb_dbi_open(txn, "order", MDB_CREATE, &databases.order), "dbi_open");
  check(mdb_txn_commit(txn), "txn_commit");
  return env;
}

template <class Layout>
void insert_all(MDB_env* env, Layout& layout, const Data& data) {
  for (size_t i = 0; i < data.count;) {
    const size_t end = std::min(data.count, i + kPutsPerTransaction);
    write(env, layout, [&] {
      for (; i < end; ++i) layout.insert(data.key(i), i, data.word(i));
    });
  }
}

// Reads `kReads` random keys, each in its own (renewed) read transaction.
template <class Layout>
double read_seconds(MDB_txn* txn, Layout& layout, const Data& data) {
  std::mt19937_64 random(data.seed);
  std::vector<uint64_t> keys(kReads);
  uint64_t expected = 0;
  for (uint64_t& key : keys) {
    const uint64_t i = random() % data.count;
    key = data.key(i);
    expected += data.word(i);
  }
  mdb_txn_reset(txn);
  const auto pass = [&] {
    uint64_t sum = 0;
    for (uint64_t key : keys) {
      check(mdb_txn_renew(txn), "txn_renew");
      sum += layout.read(txn, key);
      mdb_txn_reset(txn);
    }
    require(sum == expected, "point reads");
  };
  pass();  // warm up
  const double result = median_seconds(pass);
  check(mdb_txn_renew(txn), "txn_renew");
  return result;
}

template <class Layout>
double items_seconds(MDB_txn* txn, Layout& layout, const Data& data) {
  uint64_t expected = 0;
  for (size_t i = 0; i < data.count; ++i) expected += data.key(i) ^ data.word(i);
  return median_seconds([&] {
    uint64_t sum = 0;
    layout.items(txn, [&](uint64_t key, uint64_t word) { sum += key ^ word; });
    require(sum == expected, "items()");
  });
}

template <class Layout>
double update_us(MDB_env* env, Layout& layout, const Data& data, size_t per_transaction) {
  std::mt19937_64 random(data.seed + 1);
  const double elapsed = median_seconds([&] {
    write(env, layout, [&] {
      for (size_t n = 0; n < per_transaction; ++n) {
        const uint64_t bits = random();
        layout.update(data.key(bits % data.count), bits >> 32);
      }
    });
  });
  return elapsed / per_transaction * 1e6;
}

double database_bytes(MDB_txn* txn, MDB_dbi dbi) {
  MDB_stat stat;
  check(mdb_stat(txn, dbi, &stat), "stat");
  const size_t pages = stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
  return static_cast<double>(pages * stat.ms_psize);
}

double file_bytes(MDB_env* env) {
  MDB_envinfo info;
  MDB_stat stat;
  check(mdb_env_info(env, &info), "env_info");
  check(mdb_env_stat(env, &stat), "env_stat");
  return static_cast<double>((info.me_last_pgno + 1) * stat.ms_psize);
}

template <class Layout>
Result measure(const Data& data) {
  Layout layout;
  MDB_env* env = create_environment(layout);
  const double n = static_cast<double>(data.count);
  Result r{};
  r.name = Layout::kName;
  r.insert_us = seconds([&] { insert_all(env, layout, data); }) / n * 1e6;

  MDB_txn* txn;
  check(mdb_txn_begin(env, nullptr, MDB_RDONLY, &txn), "txn_begin");
  r.entries_bytes = database_bytes(txn, layout.entries) / n;
  r.order_bytes = database_bytes(txn, layout.order) / n;
  r.file_bytes = file_bytes(env) / n;
  r.read_ns = read_seconds(txn, layout, data) / kReads * 1e9;
  r.items_ns = items_seconds(txn, layout, data) / n * 1e9;
  mdb_txn_abort(txn);

  r.update_us = update_us(env, layout, data, kPutsPerTransaction);
  r.small_update_us = update_us(env, layout, data, kSmallTransaction);
  mdb_env_close(env);
  unlink(kPath);
  unlink((std::string(kPath) + "-lock").c_str());
  return r;
}

void print_table(const std::vector<Result>& rows) {
  const Result& d = rows.front();
  std::printf("%-17s|%13s |%13s |%13s |%13s |%13s |%9s%8s%13s\n", "layout", "insert us", "read ns",
              "items ns", "update us", "small upd. us", "entries B", "order B", "file B/key");
  for (const Result& r : rows) {
    std::printf("%-17s", r.name);
    const auto cell = [](double v, double base) { std::printf("|%7.2f %4.2fx ", v, v / base); };
    cell(r.insert_us, d.insert_us);
    cell(r.read_ns, d.read_ns);
    cell(r.items_ns, d.items_ns);
    cell(r.update_us, d.update_us);
    cell(r.small_update_us, d.small_update_us);
    std::printf("|%9.1f%8.1f%7.1f %4.2fx\n", r.entries_bytes, r.order_bytes, r.file_bytes,
                r.file_bytes / d.file_bytes);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const Data data{argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10'000'000,
                  argc > 2 ? std::atoi(argv[2]) : 62,
                  argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1};
  require(data.bits < 64 && data.count <= uint64_t{1} << data.bits, "more keys than bits allow");
  std::printf("keys %zu, %d bits, seed %llu; ratios to D\n", data.count, data.bits,
              static_cast<unsigned long long>(data.seed));
  const std::vector<Result> rows = {measure<LayoutD>(data), measure<LayoutA>(data),
                                    measure<LayoutB>(data), measure<LayoutC>(data)};
  print_table(rows);
}
