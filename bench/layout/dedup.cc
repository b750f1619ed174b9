// From which length on does storing equal strings once pay, and by which means?
//
//   inline   the string lies in the heap of the record that holds it
//   indexed  immutables: id -> bytes; index: hash -> id; the record holds a reference
//   window   an in-process table of the last kWindow distinct strings: the first sighting stays
//            inline, the second makes an immutable without index entry, later ones refer to it
//
// Usage: layout_dedup [strings per record = 20] [record limit = 16384] [rounds = 1] [seed = 1]
//
// Every member costs 9 bytes in its record (word and tag), an inline one its text besides. A hit is
// always compared by content. Three sets: "unique"; "repeating", drawn with probability ~ 1/rank
// from 10,000 strings; "local", each string four times within 2,000; a million strings each, of
// more than 300 bytes 200,000. "live" leaves out the pages that copy-on-write has freed. Nothing is
// synced; every text is read back and compared.

#include <lmdb.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr size_t kStringsPerTransaction = 100'000;
constexpr size_t kWindow = 4096, kWays = 8;
constexpr size_t kMember = 9;      // word and tag
constexpr size_t kIndexValue = 5;  // an id, shortened
constexpr unsigned char kInline = 1, kReference = 2;
constexpr const char* kPath = "/tmp/oocmap_dedup.lmdb";

size_t strings_per_record = 20, record_limit = 16384;

void check(int rc, const char* call) {
  if (rc == MDB_SUCCESS) return;
  std::fprintf(stderr, "%s: %s\n", call, mdb_strerror(rc));
  std::exit(1);
}

MDB_val val(const void* data, size_t size) { return {size, const_cast<void*>(data)}; }
std::string_view view(const MDB_val& v) { return {static_cast<char*>(v.mv_data), v.mv_size}; }

// ---- records and immutables ----

struct Member {
  uint64_t word;  // inline: heap offset << 32 | length; reference: immutable id
  unsigned char tag;
};

Member member_at(std::string_view record, size_t slot) {
  Member m;
  std::memcpy(&m.word, record.data() + slot * kMember, 8);
  m.tag = static_cast<unsigned char>(record[slot * kMember + 8]);
  return m;
}

class Store {
 public:
  Store() {
    unlink(kPath);
    check(mdb_env_create(&env_), "env_create");
    check(mdb_env_set_mapsize(env_, size_t{64} << 30), "set_mapsize");
    check(mdb_env_set_maxdbs(env_, 3), "set_maxdbs");
    check(mdb_env_open(env_, kPath, MDB_NOSYNC | MDB_NOSUBDIR | MDB_NOTLS, 0600), "env_open");
    begin();
    const unsigned flags = MDB_CREATE | MDB_INTEGERKEY;
    check(mdb_dbi_open(txn_, "records", flags, &records_), "dbi_open");
    check(mdb_dbi_open(txn_, "immutables", flags, &immutables_), "dbi_open");
    check(mdb_dbi_open(txn_, "index", flags, &index_), "dbi_open");
    commit();
  }
  Store(const Store&) = delete;
  ~Store() {
    mdb_env_close(env_);
    unlink(kPath);
    unlink((std::string(kPath) + "-lock").c_str());
  }

  void begin(unsigned flags = 0) { check(mdb_txn_begin(env_, nullptr, flags, &txn_), "txn_begin"); }
  void commit() { check(mdb_txn_commit(txn_), "txn_commit"); }

  // Both return where the member lies: record id << 16 | slot.
  uint64_t add_inline(std::string_view text) {
    return add({heap_.size() << 32 | text.size(), kInline}, text);
  }
  uint64_t add_reference(uint64_t id) { return add({id, kReference}, {}); }

  std::string_view inline_text(uint64_t where) {
    const uint64_t record_id = where >> 16;
    const size_t slot = where & 0xffff;
    if (record_id == record_id_) {
      return std::string_view(heap_).substr(members_[slot].word >> 32,
                                            members_[slot].word & 0xffffffff);
    }
    const std::string_view record = get(records_, record_id);
    const Member m = member_at(record, slot);
    return record.substr(m.word >> 32, m.word & 0xffffffff);
  }

  uint64_t add_immutable(std::string_view text) {
    const uint64_t id = ++last_immutable_;
    put(immutables_, id, text, MDB_APPEND);
    return id;
  }
  std::string_view immutable(uint64_t id) { return get(immutables_, id); }

  // Enters hash -> id, or returns the id that is already there.
  uint64_t index(uint64_t hash, uint64_t id) {
    MDB_val k = val(&hash, 8), v = val(&id, kIndexValue);
    const int rc = mdb_put(txn_, index_, &k, &v, MDB_NOOVERWRITE);
    if (rc == MDB_SUCCESS) return id;
    if (rc != MDB_KEYEXIST) check(rc, "put");
    uint64_t found = 0;
    std::memcpy(&found, v.mv_data, kIndexValue);
    return found;
  }
  uint64_t next_immutable() const { return last_immutable_ + 1; }

  void flush_record() {
    if (members_.empty()) return;
    std::string record;
    record.reserve(members_.size() * kMember + heap_.size());
    for (Member m : members_) {
      if (m.tag == kInline) m.word += members_.size() * kMember << 32;
      record.append(reinterpret_cast<const char*>(&m.word), 8).push_back(m.tag);
    }
    record += heap_;
    put(records_, record_id_++, record, MDB_APPEND);
    members_.clear();
    heap_.clear();
  }

  // Calls visit(text) for every string in the order of writing.
  template <class Visit>
  void walk(Visit visit) {
    MDB_cursor* cursor;
    check(mdb_cursor_open(txn_, records_, &cursor), "cursor_open");
    MDB_val k, v;
    while (mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == MDB_SUCCESS) {
      const std::string_view record = view(v);
      size_t heap = record.size();  // where the members end: at the first inline text
      for (size_t slot = 0; slot * kMember < heap; ++slot) {
        const Member m = member_at(record, slot);
        if (m.tag == kReference) {
          visit(immutable(m.word));
          continue;
        }
        heap = std::min(heap, static_cast<size_t>(m.word >> 32));
        visit(record.substr(m.word >> 32, m.word & 0xffffffff));
      }
    }
    mdb_cursor_close(cursor);
  }

  double file_bytes() {
    MDB_envinfo info;
    MDB_stat stat;
    check(mdb_env_info(env_, &info), "env_info");
    check(mdb_env_stat(env_, &stat), "env_stat");
    return static_cast<double>((info.me_last_pgno + 1) * stat.ms_psize);
  }
  double live_bytes() {  // without the pages that copy-on-write has freed
    size_t bytes = 0;
    for (MDB_dbi dbi : {records_, immutables_, index_}) {
      MDB_stat stat;
      check(mdb_stat(txn_, dbi, &stat), "stat");
      bytes += (stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages) * stat.ms_psize;
    }
    return static_cast<double>(bytes);
  }

 private:
  uint64_t add(Member member, std::string_view text) {
    const size_t size = (members_.size() + 1) * kMember + heap_.size() + text.size();
    if (members_.size() == strings_per_record || (size > record_limit && !members_.empty())) {
      flush_record();
      if (member.tag == kInline) member.word = text.size();
    }
    members_.push_back(member);
    heap_ += text;
    return record_id_ << 16 | (members_.size() - 1);
  }
  void put(MDB_dbi dbi, uint64_t key, std::string_view value, unsigned flags) {
    MDB_val k = val(&key, 8), v = val(value.data(), value.size());
    check(mdb_put(txn_, dbi, &k, &v, flags), "put");
  }
  std::string_view get(MDB_dbi dbi, uint64_t key) {
    MDB_val k = val(&key, 8), v;
    check(mdb_get(txn_, dbi, &k, &v), "get");
    return view(v);
  }

  MDB_env* env_ = nullptr;
  MDB_txn* txn_ = nullptr;
  MDB_dbi records_ = 0, immutables_ = 0, index_ = 0;
  uint64_t record_id_ = 1, last_immutable_ = 0;
  std::vector<Member> members_;  // of the record being filled
  std::string heap_;
};

// ---- the policies ----

struct InlinePolicy {
  void add(Store& store, std::string_view text) { store.add_inline(text); }
};

struct IndexedPolicy {
  void add(Store& store, std::string_view text) {
    const uint64_t next = store.next_immutable();
    const uint64_t id = store.index(XXH3_64bits(text.data(), text.size()), next);
    const bool known = id != next && store.immutable(id) == text;
    store.add_reference(known ? id : store.add_immutable(text));
  }
};

class WindowPolicy {
 public:
  void add(Store& store, std::string_view text) {
    const uint64_t hash = XXH3_64bits(text.data(), text.size());
    auto& set = sets_[hash % sets_.size()];
    auto entry = std::find_if(set.begin(), set.end(), [&](const Entry& e) {
      return e.hash == hash && e.where != 0 && same(store, e, text);
    });
    if (entry == set.end()) {
      --entry;  // the least recently used
      *entry = {hash, store.add_inline(text), false};
    } else {
      if (!entry->shared) *entry = {hash, store.add_immutable(text), true};
      store.add_reference(entry->where);
    }
    std::rotate(set.begin(), entry, entry + 1);  // to the front
  }

 private:
  struct Entry {
    uint64_t hash = 0, where = 0;  // immutable id if `shared`, else an inline member
    bool shared = false;
  };
  static bool same(Store& store, const Entry& e, std::string_view text) {
    return text == (e.shared ? store.immutable(e.where) : store.inline_text(e.where));
  }
  std::vector<std::array<Entry, kWays>> sets_{kWindow / kWays};
};

// ---- the data: distinct texts end to end, and which of them comes when ----

struct Stream {
  std::string name;
  size_t length;
  std::string pool;
  std::vector<uint32_t> order;

  std::string_view text(size_t i) const {
    return std::string_view(pool).substr(order[i] * length, length);
  }
};

std::string random_text(size_t size, std::mt19937_64& random) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size;) {
    for (uint64_t bits = random(), n = 0; n < 10 && i < size; ++n, bits >>= 6) {
      text[i++] = static_cast<char>('0' + (bits & 63));
    }
  }
  return text;
}

std::vector<uint32_t> repeating_order(size_t n, size_t distinct, std::mt19937_64& random) {
  std::vector<double> weight(distinct);
  for (size_t rank = 0; rank < distinct; ++rank) weight[rank] = 1.0 / (rank + 1);
  std::discrete_distribution<uint32_t> zipf(weight.begin(), weight.end());
  std::vector<uint32_t> order(n);
  for (uint32_t& id : order) id = zipf(random);
  return order;
}

std::vector<uint32_t> local_order(size_t n, std::mt19937_64& random) {
  constexpr size_t kSpan = 2000, kTimes = 4;
  std::vector<uint32_t> order(n);
  for (size_t i = 0; i < n; ++i) order[i] = i / kSpan * (kSpan / kTimes) + i % (kSpan / kTimes);
  for (size_t i = 0; i < n; i += kSpan) {
    std::shuffle(order.begin() + i, order.begin() + i + kSpan, random);
  }
  return order;
}

Stream make_stream(const std::string& name, size_t length, uint64_t seed) {
  std::mt19937_64 random(seed);
  const size_t n = length > 300 ? 200'000 : 1'000'000;
  Stream s{name, length, {}, {}};
  size_t distinct = n;
  if (name == "repeating") {
    distinct = 10'000;
    s.order = repeating_order(n, distinct, random);
  } else if (name == "local") {
    distinct = n / 4;
    s.order = local_order(n, random);
  } else {
    for (size_t i = 0; i < n; ++i) s.order.push_back(i);
  }
  s.pool = random_text(distinct * length, random);
  return s;
}

// ---- measuring ----

struct Result {
  double write_us, walk_ns;  // per string
  double file, live;         // bytes per byte of text
};

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

template <class Policy>
Result measure_once(const Stream& stream) {
  Store store;
  Policy policy;
  const size_t n = stream.order.size();
  const double start = now();
  for (size_t i = 0; i < n;) {
    store.begin();
    const size_t end = std::min(n, i + kStringsPerTransaction);
    for (; i < end; ++i) policy.add(store, stream.text(i));
    store.flush_record();
    store.commit();
  }
  const double written = now();
  store.begin(MDB_RDONLY);
  size_t seen = 0, wrong = 0;
  store.walk([&](std::string_view text) { wrong += text != stream.text(seen++); });
  const double walked = now();
  if (wrong != 0 || seen != n) {
    std::fprintf(stderr, "%zu of %zu strings read back, %zu wrong\n", seen, n, wrong);
    std::exit(1);
  }
  const double text_bytes = static_cast<double>(n * stream.length);
  const double file = store.file_bytes() / text_bytes, live = store.live_bytes() / text_bytes;
  store.commit();
  return {(written - start) / n * 1e6, (walked - written) / n * 1e9, file, live};
}

template <class Policy>
Result measure(const Stream& stream, int rounds) {
  std::vector<Result> results;
  for (int i = 0; i < rounds; ++i) results.push_back(measure_once<Policy>(stream));
  const auto median = [&](double Result::*field) {
    std::vector<double> values;
    for (const Result& r : results) values.push_back(r.*field);
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
  };
  return {median(&Result::write_us), median(&Result::walk_ns), median(&Result::file),
          median(&Result::live)};
}

void print_head() {
  std::printf("%-17s|%-18s|%-15s|%-21s|%s\n", "", " write us/string", " walk ns/string",
              " file bytes/text byte", " live bytes/text byte");
  std::printf("length  set      |inline window index|");
  std::printf("inline wind  idx|inline  window  index|inline  window  index\n");
}

void print_row(const Stream& s, const Result& a, const Result& b, const Result& c) {
  std::printf(
      "%6zu  %-9s|%5.2f  %5.2f %5.2f |%4.0f %4.0f %4.0f |%6.2f %6.2f %6.2f |%6.2f %6.2f %6.2f\n",
      s.length, s.name.c_str(), a.write_us, b.write_us, c.write_us, a.walk_ns, b.walk_ns, c.walk_ns,
      a.file, b.file, c.file, a.live, b.live, c.live);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int i, size_t otherwise) {
    return argc > i ? std::strtoull(argv[i], nullptr, 10) : otherwise;
  };
  strings_per_record = argument(1, strings_per_record);
  record_limit = argument(2, record_limit);
  const int rounds = static_cast<int>(argument(3, 1));
  const uint64_t seed = argument(4, 1);
  std::printf("%zu strings a record, at most %zu bytes; %d rounds; seed %llu\n", strings_per_record,
              record_limit, rounds, static_cast<unsigned long long>(seed));
  print_head();
  for (size_t length : {12, 24, 32, 48, 100, 175, 300, 512, 1000}) {
    for (const char* name : {"unique", "repeating", "local"}) {
      const Stream s = make_stream(name, length, seed);
      print_row(s, measure<InlinePolicy>(s, rounds), measure<WindowPolicy>(s, rounds),
                measure<IndexedPolicy>(s, rounds));
    }
  }
}
