#include "core/format/array.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/format/corrupt.h"
#include "core/format/limits.h"
#include "core/format/record.h"

namespace oocmap {
namespace {

// Multiplies lengths. A length of 0 makes the product 0, but the others must be possible
// all the same: what is above multiplies them in any order.
class Product {
 public:
  explicit Product(uint32_t item_size) noexcept : size_(std::max<uint64_t>(item_size, 1)) {}
  // Returns false where the array would have more than kMaxArrayBytes (an empty one: 2^62).
  bool add(uint64_t length) noexcept {
    if (length == 0) {
      empty_ = true;
      return true;
    }
    return !__builtin_mul_overflow(size_, length, &size_) && size_ <= uint64_t{1} << 62 &&
           !__builtin_mul_overflow(items_, length, &items_);
  }
  bool possible() const noexcept { return empty_ || size_ <= kMaxArrayBytes; }
  uint64_t items() const noexcept { return empty_ ? 0 : items_; }

 private:
  uint64_t size_;
  uint64_t items_ = 1;
  bool empty_ = false;
};

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument, what);
}

}  // namespace

uint64_t ArrayHead::bytes() const {
  if (shape.size() > kMaxArrayDimensions) {
    refuse("an array of " + std::to_string(shape.size()) + " dimensions: 64 is the most");
  }
  if (type.size() > kMaxArrayTypeBytes) {
    refuse("an array whose element type takes more than 1 MiB to describe");
  }
  Product product(item_size);
  for (const uint64_t length : shape) {
    if (!product.add(length)) refuse("an array of more than 2**47 bytes");
  }
  if (!product.possible()) refuse("an array of more than 2**47 bytes");
  return product.items() * item_size;
}

ArrayView::ArrayView(Bytes node) : at_(node.data()) {
  if (node.size() < kArrayHeader) throw_corrupt("an array's node is cut short");
  if (static_cast<uint8_t>(node[0]) != static_cast<uint8_t>(NodeKind::kArray)) {
    throw_corrupt("a node is not that of an array");
  }
  if (static_cast<uint8_t>(node[1]) >= kArrayLibraries) {
    throw_corrupt("an array is of an unknown library");
  }
  if ((flags() & ~(kArrayFortran | kArrayTypeApart)) != 0) {
    throw_corrupt("an array has unknown flags");
  }
  if (dimensions() > kMaxArrayDimensions) throw_corrupt("an array has too many dimensions");
  if (type_size() > kMaxArrayTypeBytes || (type_apart() && !chunked())) {
    throw_corrupt("an array's type is impossible");
  }
  size_t size = kArrayHeader + 8 * dimensions();
  if (node.size() < size) throw_corrupt("an array's shape leaves its node");
  Product product(item_size());
  for (size_t axis = 0; axis < dimensions(); ++axis) {
    if (!product.add(length(axis))) throw_corrupt("an array's shape is impossible");
  }
  if (!product.possible()) throw_corrupt("an array's shape is impossible");
  items_ = product.items();
  if (!type_apart()) size += type_size();
  if (node.size() < size || (!chunked() && node.size() - size < bytes())) {
    throw_corrupt("an array's type or data leaves its node");
  }
}

ArrayPlan::ArrayPlan(const ArrayHead& head) : bytes(head.bytes()) {
  type_apart = head.type.size() > kArrayTypeInNode;
  const size_t fixed = kArrayHeader + 8 * head.shape.size() + (type_apart ? 0 : head.type.size());
  const bool inside = !type_apart && bytes <= kMaxNodeBytes - fixed;
  chunk_size = inside ? 0 : kArrayChunkBytes;
  node_size = fixed + (inside ? static_cast<size_t>(bytes) : 0);
}

char* write_array_node(char* at, const ArrayHead& head, const ArrayPlan& plan) noexcept {
  at[0] = static_cast<char>(NodeKind::kArray);
  at[1] = static_cast<char>(head.library);
  at[2] = static_cast<char>((head.fortran ? kArrayFortran : 0) |
                            (plan.type_apart ? kArrayTypeApart : 0));
  at[3] = static_cast<char>(head.shape.size());
  store_le(at + 4, head.item_size);
  store_le(at + 8, static_cast<uint32_t>(head.type.size()));
  store_le(at + 12, plan.chunk_size);
  at += kArrayHeader;
  for (const uint64_t length : head.shape) {
    store_le(at, length);
    at += sizeof length;
  }
  if (plan.type_apart) return at;
  head.type.copy(at, head.type.size());
  return at + head.type.size();
}

}  // namespace oocmap
