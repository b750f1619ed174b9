#include <cstring>

#include "core/base/utf8.h"
#include "core/store/encoder_state.h"

namespace oocmap {

void check_class_name(Bytes name) {
  if (!name.empty() && name.size() <= kMaxClassName && text_form(name) == TextForm::kUtf8) return;
  throw Error(ErrorCode::kInvalidArgument, "the name of a registered class must be text of 1 to " +
                                               std::to_string(kMaxClassName) + " bytes of UTF-8");
}

void check_payload(PayloadKind kind, Bytes bytes) {
  if (bytes.size() > kMaxValueBytes) {
    throw Error(ErrorCode::kInvalidArgument,
                "a value of " + std::to_string(bytes.size()) + " bytes is over the limit of 1 GiB");
  }
  if (kind > PayloadKind::kNumpyScalar) {
    throw Error(ErrorCode::kTypeMismatch, "a value of a type that this version cannot store");
  }
}

std::shared_ptr<const ShapeKeys> ShapeKeys::from(std::vector<Key> keys) {
  if (keys.empty() || keys.size() > kMaxShapeKeys) {
    misuse("a shape has 1 to 64 keys");
  }
  auto shape = std::make_shared<ShapeKeys>();
  append_shape_head(shape->payload_, keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (keys[i] == keys[j]) misuse("a shape has two equal keys");
    }
    shape->payload_ += keys[i].pack();
  }
  shape->hash_ = payload_hash(PayloadKind::kShape, shape->payload_);
  shape->keys_ = std::move(keys);
  return shape;
}

EncodedValue::EncodedValue() = default;
EncodedValue::EncodedValue(EncodedValue&&) noexcept = default;
EncodedValue::~EncodedValue() { give_back(std::move(parts_)); }

EncodedValue& EncodedValue::operator=(EncodedValue&& other) noexcept {
  if (this == &other) return *this;
  give_back(std::move(parts_));
  scalar_ = other.scalar_;
  text_ = std::move(other.text_);
  reference_ = other.reference_;
  parts_ = std::move(other.parts_);
  return *this;
}

EncodedValue EncodedValue::none() { return {}; }

EncodedValue EncodedValue::boolean(bool value) {
  EncodedValue encoded;
  encoded.scalar_.tag = tag_of(value ? WordKind::kTrue : WordKind::kFalse);
  return encoded;
}

EncodedValue EncodedValue::integer(int64_t value) {
  EncodedValue encoded;
  encoded.scalar_.tag = tag_of(WordKind::kInt);
  encoded.scalar_.word = static_cast<uint64_t>(value);
  return encoded;
}

EncodedValue EncodedValue::floating(double value) {
  EncodedValue encoded;
  encoded.scalar_.tag = tag_of(WordKind::kFloat);
  std::memcpy(&encoded.scalar_.word, &value, sizeof value);
  return encoded;
}

EncodedValue EncodedValue::payload(PayloadKind kind, Bytes bytes) {
  check_payload(kind, bytes);
  EncodedValue encoded;
  encoded.text_ = bytes;
  encoded.scalar_.tag = heap_tag(kind);
  if (fits_word(kind, bytes.size())) {
    encoded.scalar_.tag = inline_tag(kind, bytes.size());
    encoded.scalar_.word = inline_word(bytes);
  }
  return encoded;
}

EncodedValue EncodedValue::reference(Identity identity, WordKind kind) {
  EncodedValue encoded;
  encoded.scalar_.tag = tag_of(kind);
  encoded.scalar_.word = identity;
  encoded.reference_ = true;
  return encoded;
}

size_t EncodedValue::memory() const noexcept {
  return text_.size() + (parts_ == nullptr ? 0 : parts_->tape.memory());
}

bool EncodedValue::is_container() const noexcept { return reference_ || parts_ != nullptr; }

}  // namespace oocmap
