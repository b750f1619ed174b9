// The runs of bytes that a rectangular part of an array consists of, in rising order.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "core/base/error.h"
#include "core/store/array.h"

namespace oocmap {

// Walks a part of an array: the axes in the order of storage, the slowest first.
class ArrayRuns {
 public:
  // Errors: kInvalidArgument for a part that is not inside the array.
  ArrayRuns(const ArrayView& array, std::span<const AxisRange> ranges) {
    const size_t dimensions = array.dimensions();
    if (ranges.size() != dimensions) refuse();
    uint64_t stride = array.item_size();
    run_ = stride;
    bool together = true;  // the axes so far are one run
    for (size_t k = 0; k < dimensions; ++k) {
      const size_t axis = array.fortran() ? k : dimensions - 1 - k;
      const uint64_t length = array.length(axis);
      const AxisRange& range = ranges[axis];
      check(range, length);
      items_ *= range.count;
      offset_ += range.start * stride;
      if (together && (range.step == 1 || range.count == 1)) {
        run_ *= range.count;
        together = range.count == length;
      } else if (range.count != 1) {
        together = false;
        axes_[outer_++] = {range.count, range.step * stride, 0};
      } else {
        together = false;
      }
      stride *= length;
    }
    if (items_ == 0) run_ = 0;
  }

  // Bytes of the whole part.
  uint64_t bytes(const ArrayView& array) const noexcept { return items_ * array.item_size(); }

  // Calls f(offset in the data, bytes) for each run.
  template <typename F>
  void each(F&& f) {
    if (run_ == 0) return;
    for (;;) {
      f(offset_, run_);
      size_t k = 0;
      for (; k < outer_; ++k) {
        Axis& axis = axes_[k];
        if (++axis.at < axis.count) {
          offset_ += axis.stride;
          break;
        }
        offset_ -= axis.stride * (axis.count - 1);
        axis.at = 0;
      }
      if (k == outer_) return;
    }
  }

 private:
  struct Axis {
    uint64_t count = 0;
    uint64_t stride = 0;  // bytes from one index to the next
    uint64_t at = 0;
  };

  [[noreturn]] static void refuse() {
    throw Error(ErrorCode::kInvalidArgument, "the part is not inside the array");
  }
  // Without a sum that could overflow.
  static void check(const AxisRange& range, uint64_t length) {
    if (range.count == 0) return;
    if (range.step == 0 || range.start >= length ||
        range.count - 1 > (length - 1 - range.start) / range.step) {
      refuse();
    }
  }

  std::array<Axis, kMaxArrayDimensions> axes_;  // those not part of a run, the fastest first
  size_t outer_ = 0;
  uint64_t run_ = 0;
  uint64_t offset_ = 0;
  uint64_t items_ = 1;
};

}  // namespace oocmap
