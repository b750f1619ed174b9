// A vector of plain values for the encoder's hot path: growing never zero-fills, appending is a
// compare and a store, and clear() keeps the memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <type_traits>

namespace oocmap {

template <typename T>
class PodVector {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  size_t size() const noexcept { return size_; }
  size_t capacity() const noexcept { return capacity_; }
  bool empty() const noexcept { return size_ == 0; }
  T* data() noexcept { return data_.get(); }
  const T* data() const noexcept { return data_.get(); }
  T& operator[](size_t i) noexcept { return data_[i]; }
  const T& operator[](size_t i) const noexcept { return data_[i]; }
  T& back() noexcept { return data_[size_ - 1]; }

  void push(const T& value) {
    if (size_ == capacity_) grow(1);
    data_[size_++] = value;
  }
  // Makes room for `count` more and returns where they start; their content is not set.
  T* extend(size_t count) {
    if (capacity_ - size_ < count) grow(count);
    T* const at = data_.get() + size_;
    size_ += count;
    return at;
  }
  void append(const T* from, size_t count) {
    T* const at = extend(count);
    if (count != 0) std::memcpy(at, from, count * sizeof(T));
  }
  void pop() noexcept { --size_; }
  void shrink(size_t size) noexcept { size_ = size; }
  void clear() noexcept { size_ = 0; }
  void release() noexcept {
    data_.reset();
    size_ = capacity_ = 0;
  }

 private:
  void grow(size_t count) {
    const size_t capacity = std::max(size_ + count, std::max<size_t>(2 * capacity_, 64));
    std::unique_ptr<T[]> data(new T[capacity]);
    if (size_ != 0) std::memcpy(data.get(), data_.get(), size_ * sizeof(T));
    data_ = std::move(data);
    capacity_ = capacity;
  }

  std::unique_ptr<T[]> data_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace oocmap
