// The members of one container, the keys of one dict, one immutable.
#include <algorithm>

#include "core/base/error.h"
#include "core/base/utf8.h"
#include "core/format/other_payload.h"
#include "core/store/check_state.h"
#include "core/store/dict_find.h"

namespace oocmap {
namespace {

void check_big_int(Bytes payload) {
  if (payload.size() < 2 || static_cast<uint8_t>(payload[0]) > 1 || payload.back() == 0) {
    throw_corrupt("an int is malformed");
  }
}

void check_text(Bytes payload, bool surrogates) {
  const TextForm form = text_form(payload);
  if (form == TextForm::kNone || (form == TextForm::kWtf8 && !surrogates)) {
    throw_corrupt("a text is not valid UTF-8");
  }
}

void check_payload(PayloadKind kind, Bytes payload) {
  uint8_t safe = 0;
  switch (kind) {
    case PayloadKind::kStr:
      return check_text(payload, false);
    case PayloadKind::kWtf8:
      return check_text(payload, true);
    case PayloadKind::kBytes:
    case PayloadKind::kBytearray:
      return;
    case PayloadKind::kBigInt:
      return check_big_int(payload);
    case PayloadKind::kComplex:
      return static_cast<void>(decode_complex(payload));
    case PayloadKind::kRange:
      return static_cast<void>(decode_range(payload));
    case PayloadKind::kDatetime:
      return static_cast<void>(decode_datetime(payload));
    case PayloadKind::kDate:
      return static_cast<void>(decode_date(payload));
    case PayloadKind::kTime:
      return static_cast<void>(decode_time(payload));
    case PayloadKind::kTimedelta:
      return static_cast<void>(decode_timedelta(payload));
    case PayloadKind::kDecimal:
      if (payload.empty()) throw_corrupt("a Decimal is empty");
      return check_text(payload, false);
    case PayloadKind::kFraction:
      return static_cast<void>(decode_fraction(payload));
    case PayloadKind::kUuid:
      return static_cast<void>(decode_uuid(payload, safe));
    case PayloadKind::kNumpyScalar:
      return static_cast<void>(decode_numpy(payload));
    case PayloadKind::kPacked:
      return static_cast<void>(Key::packed(payload));
    case PayloadKind::kShape:
      return static_cast<void>(Shape(payload));
    default:
      throw_corrupt("a payload is of an unknown kind");
  }
}

template <typename Keys>
void refuse_equal(Keys& keys) {
  if (!std::is_sorted(keys.begin(), keys.end())) std::sort(keys.begin(), keys.end());
  if (std::adjacent_find(keys.begin(), keys.end()) != keys.end()) {
    throw_corrupt("two keys of it are equal");
  }
}

void refuse_overlap(const std::vector<NodeView>& nodes) {
  std::vector<Bytes> places;
  places.reserve(nodes.size());
  for (const NodeView& node : nodes) places.push_back(node.bytes());
  std::sort(places.begin(), places.end(),
            [](Bytes a, Bytes b) { return std::less<>()(a.data(), b.data()); });
  for (size_t i = 1; i < places.size(); ++i) {
    if (places[i].data() < places[i - 1].data() + places[i - 1].size()) {
      throw_corrupt("two of its nodes overlap");
    }
  }
}

}  // namespace

void StoreCheck::list_record(uint64_t id, Bytes record) {
  const size_t slots = record_slots(record);
  record_live(record);  // that the directory fits
  containers_.add_record(id, slots);
  if (id == 0 || id >= uint64_t{1} << 48) throw_corrupt("its id is impossible");
  const uint16_t flags = record_flags(record);
  const bool shared = (flags & (kRecordPinned | kRecordShared)) != 0;
  for (size_t slot = 0; slot < slots; ++slot) {
    const Identity identity = make_identity(id, static_cast<uint16_t>(slot));
    const char* const offset = record.data() + record.size() - 2 * (slots - slot);
    if (load_le<uint16_t>(offset) == 0) continue;
    guarded(place_of(identity), [&] {
      const NodeView node = NodeView::locate(record, identity);
      uint8_t place = place_kind(tag_of(node.container_kind()));
      if (shared) place |= kPlaceShared;
      if (node.spilled()) place |= kPlaceSpilled;
      if ((flags & kRecordImmutable) != 0) place |= kPlaceImmutable;
      *containers_.find(identity) = place;
      ++report_.containers;
    });
  }
}

void StoreCheck::check_record(uint64_t id, Bytes record) {
  const uint16_t flags = record_flags(record);
  const bool immutable = (flags & kRecordImmutable) != 0;
  if ((flags & ~(kRecordPinned | kRecordImmutable | kRecordShared)) != 0) {
    problem("record " + std::to_string(id), "it has unknown flags");
  }
  if (immutable) {
    const Buffer key = index_key(record_hash(record), IndexSpace::kRecords, id);
    if (!transaction_.get(Database::kImmutableIndex, key)) {
      problem("record " + std::to_string(id),
              "it is immutable, and immutable_index has no row of it");
    }
  }
  std::vector<NodeView> nodes;
  for (size_t slot = 0; slot < record_slots(record); ++slot) {
    const Identity identity = make_identity(id, static_cast<uint16_t>(slot));
    const uint8_t* const place = containers_.find(identity);
    if (place == nullptr || *place == 0) continue;
    guarded(place_of(identity), [&] { nodes.push_back(NodeView::locate(record, identity)); });
  }
  refuse_overlap(nodes);  // first: 65,535 slots may lead to one node of 65,535 members
  for (const NodeView& node : nodes) {
    guarded(place_of(node.identity()), [&] { check_node(node, immutable); });
  }
}

void StoreCheck::check_node(const NodeView& node, bool immutable) {
  if (node.is_array()) return check_array(node);
  if (node.spilled()) {
    return has_keys(node.container_kind()) ? check_spilled_dict(node) : check_spilled_list(node);
  }
  const std::string place = place_of(node.identity());
  const bool set = is_set(node.container_kind());
  for (uint64_t i = 0; i < node.count(); ++i) {
    const Member member = node.member(i);
    if (set && member.tag != tag_of(WordKind::kNone))
      throw_corrupt("a member of a set has a value");
    check_member(place, member, immutable);
  }
  if (node.keyed()) check_keys(node);
  if (node.kind() == NodeKind::kShapedDict) check_shape(node);
  if (node.kind() == NodeKind::kRegistered) {
    const Member name = node.member(0);
    if ((!name.has_payload() && !name.in_immutables()) ||
        (name.payload_kind() != PayloadKind::kStr && name.payload_kind() != PayloadKind::kWtf8)) {
      throw_corrupt("the class's name of a registered object is no text");
    }
  }
}

void StoreCheck::check_keys(const NodeView& node) {
  const std::string place = place_of(node.identity());
  std::vector<uint64_t> texts;
  for (uint64_t i = 0; i < node.count(); ++i) {
    const Member key = node.key(i);
    if (key.container()) throw_corrupt("a key is a container");
    if (key.in_immutables()) texts.push_back(key.word);
    check_member(place, key, false);
  }
  refuse_equal(texts);  // first: thousands of keys may be one text of 10 MB
  std::vector<Buffer> keys;
  for (uint64_t i = 0; i < node.count(); ++i) {
    keys.emplace_back(small_key(store_, transaction_, node, nullptr, i).order());
  }
  const bool sorted = std::is_sorted(keys.begin(), keys.end());
  if (node.kind() == NodeKind::kFrozenset && !sorted) throw_corrupt("a frozenset is not in order");
  refuse_equal(keys);
}

void StoreCheck::check_shape(const NodeView& node) {
  refer(place_of(node.identity()), {immutable_tag(PayloadKind::kShape), node.shape(), nullptr, 0},
        false);
  if (shape_ != node.shape()) {
    const auto row = transaction_.get(Database::kImmutables, node.shape());
    if (!row) return;  // refer() has said so
    Bytes payload = decode_immutable(*row).payload;
    shape_keys_ = 0;
    read_varint(payload, shape_keys_);
    shape_ = node.shape();
  }
  if (shape_keys_ != node.count()) throw_corrupt("a dict and its shape differ in size");
}

void StoreCheck::check_member(const std::string& place, const Member& member,
                              bool only_immutables) {
  count_member();
  if (member.has_payload()) return check_payload(member.payload_kind(), member.payload());
  if (member.container() || member.in_immutables())
    refer(place, member, only_immutables);
  else if (member.tag > tag_of(WordKind::kFloat))
    throw_corrupt("a member has an unknown tag");
}

// `member` stands at `place`, and refers to something: that has to be there, and may have no second
// referent unless it says so, because the last one to go would free it.
void StoreCheck::refer(const std::string& place, const Member& member, bool only_immutables) {
  if (member.container()) {
    uint8_t* const there = containers_.find(member.word);
    const std::string what = "it refers to " + place_of(member.word) + ", which ";
    if (there == nullptr || *there == 0) {
      if (record_of(member.word) >= sweeping_) return problem(place, what + "is not there");
      holes_ = true;
      return;
    }
    if ((*there & kPlaceKind) != place_kind(member.tag))
      problem(place, what + "is of another kind");
    if (only_immutables && (*there & kPlaceImmutable) == 0) problem(place, what + "can change");
    if ((*there & kPlaceReferenced) != 0 && (*there & kPlaceShared) == 0) {
      problem(place, what + "something else refers to, and it is not pinned");
    }
    *there |= kPlaceReferenced;
    return;
  }
  uint8_t* const there = immutables_.find(member.word);
  const std::string what = "it refers to immutable " + std::to_string(member.word) + ", which ";
  if (there == nullptr) return problem(place, what + "is not there");
  if ((*there & kTextKind) != static_cast<uint8_t>(member.payload_kind())) {
    problem(place, what + "is of another kind");
  }
  if ((*there & kTextReferenced) != 0 && (*there & kTextShared) == 0) {
    problem(place, what + "something else refers to, and it is not shared");
  }
  *there |= kTextReferenced;
}

void StoreCheck::check_immutable(uint64_t id, Bytes row) {
  const Immutable immutable = decode_immutable(row);
  uint8_t place = static_cast<uint8_t>(immutable.kind) & kTextKind;
  if ((immutable.flags & kImmutableShared) != 0) place |= kTextShared;
  immutables_.add(id, place);
  if (id == 0) throw_corrupt("its id is impossible");
  if ((immutable.flags & ~(kImmutableShared | kImmutableIndexed)) != 0) {
    throw_corrupt("it has unknown flags");
  }
  check_payload(immutable.kind, immutable.payload);
  if ((immutable.flags & kImmutableIndexed) == 0) return;
  const uint64_t hash = payload_hash(immutable.kind, immutable.payload);
  if (!transaction_.get(Database::kImmutableIndex, index_key(hash, IndexSpace::kImmutables, id))) {
    throw_corrupt("immutable_index has no row of it");
  }
}

}  // namespace oocmap
