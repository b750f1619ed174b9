#include "core/json/array_writer.h"

#include <vector>

#include "core/json/array_element.h"
#include "core/store/array.h"

namespace oocmap {
namespace {

class ArrayWriter {
 public:
  ArrayWriter(const Transaction& transaction, const NodeView& node, Buffer& to,
              const std::function<void()>& check)
      : reader_(transaction, node),
        head_(reader_.head()),
        element_(head_.type, head_.item_size),
        item_(head_.item_size, '\0'),
        strides_(head_.shape.size()),
        to_(to),
        check_(check) {
    uint64_t stride = head_.item_size;
    for (size_t k = 0; k < strides_.size(); ++k) {
      const size_t axis = head_.fortran ? k : strides_.size() - 1 - k;
      strides_[axis] = stride;
      stride *= head_.shape[axis];
    }
  }

  // At most kMaxArrayDimensions deep.
  void write(size_t axis, uint64_t offset) {
    if (axis == strides_.size()) {
      reader_.read(offset, item_.size(), item_.data());
      element_.write(item_, to_);
      return;
    }
    to_.push_back('[');
    for (uint64_t i = 0; i < head_.shape[axis]; ++i) {
      if (i > 0) to_.push_back(',');
      write(axis + 1, offset + i * strides_[axis]);
      check_();
    }
    to_.push_back(']');
  }

 private:
  ArrayReader reader_;
  ArrayHead head_;
  ElementWriter element_;
  Buffer item_;
  std::vector<uint64_t> strides_;  // bytes from one index to the next
  Buffer& to_;
  const std::function<void()>& check_;
};

}  // namespace

void write_json_array(const Transaction& transaction, const NodeView& node, Buffer& to,
                      const std::function<void()>& check) {
  ArrayWriter(transaction, node, to, check).write(0, 0);
}

}  // namespace oocmap
