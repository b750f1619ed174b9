#include "core/store/key_member.h"

#include "core/format/packed.h"

namespace oocmap {
namespace {

Member payload_member(PayloadKind kind, Bytes payload) {
  Member member{heap_tag(kind), 0, payload.data(), static_cast<uint32_t>(payload.size())};
  if (payload.size() > kInlineText) return member;
  if (kind == PayloadKind::kStr) member.tag = inline_text_tag(payload.size());
  if (kind == PayloadKind::kBytes) member.tag = inline_bytes_tag(payload.size());
  if (is_inline(member.tag)) std::memcpy(&member.word, payload.data(), payload.size());
  return member;
}

}  // namespace

Member key_member(const Key& key, Buffer& hold) {
  const Bytes order = key.order();
  if (key.form() == KeyForm::kCanonical && !order.empty() &&
      static_cast<uint8_t>(order.front()) == kClassText) {
    return payload_member(PayloadKind::kStr, order.substr(1));
  }
  hold = key.pack();
  Bytes rest = hold;
  const Packed head = read_packed(rest);
  if (head.has_members()) {
    return payload_member(PayloadKind::kPacked, hold);
  }
  if (!is_heap(head.tag)) return Member{head.tag, head.word, nullptr, 0};
  return payload_member(static_cast<PayloadKind>(head.tag & ~kLocationMask), head.payload);
}

}  // namespace oocmap
