#include "core/json/array_element.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/base/utf8.h"
#include "core/json/base64.h"
#include "core/json/datetime_text.h"
#include "core/json/number.h"
#include "core/json/writer.h"

namespace oocmap {
namespace {

// Reads decimal digits at the front and removes them; -1 where there are none or too many.
int64_t take_number(Bytes& from) noexcept {
  constexpr size_t kMostDigits = 12;
  const size_t digits = std::min(from.find_first_not_of("0123456789"), from.size());
  if (digits == 0 || digits > kMostDigits) return -1;
  int64_t value = 0;
  for (const char c : from.substr(0, digits)) value = value * 10 + (c - '0');
  from.remove_prefix(digits);
  return value;
}

void reverse(Buffer& bytes) noexcept { std::reverse(bytes.begin(), bytes.end()); }

uint64_t unsigned_of(Bytes item) noexcept {
  uint64_t value = 0;
  item.copy(reinterpret_cast<char*>(&value), sizeof value);
  return value;
}

int64_t int_of(Bytes item) noexcept {
  const auto shift = static_cast<unsigned>(64 - 8 * item.size());
  return static_cast<int64_t>(unsigned_of(item) << shift) >> shift;
}

double half_of(uint64_t bits) noexcept {
  const int exponent = static_cast<int>(bits >> 10 & 0x1f);
  const auto fraction = static_cast<double>(bits & 0x3ff);
  const double sign = (bits & 0x8000) != 0 ? -1.0 : 1.0;
  if (exponent == 0x1f) return fraction != 0 ? std::nan("") : sign * HUGE_VAL;
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(fraction + 1024, exponent - 25);
}

// 2, 4, 8 or 16 bytes.
double float_of(Bytes item) noexcept {
  switch (item.size()) {
    case 2:
      return half_of(unsigned_of(item));
    case 4:
      return static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(unsigned_of(item))));
    case 8:
      return std::bit_cast<double>(unsigned_of(item));
    default: {
      static_assert(sizeof(long double) == 16);
      long double value = 0;
      std::memcpy(&value, item.data(), sizeof value);
      return static_cast<double>(value);
    }
  }
}

// As Python's repr of a complex writes a part.
Buffer part_text(double part) {
  Buffer text = float_repr(part);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

void write_complex(double real, double imaginary, Buffer& to) {
  Buffer text;
  const bool both = real != 0 || std::signbit(real);
  if (both) text = "(" + part_text(real);
  if (both && (std::isnan(imaginary) || !std::signbit(imaginary))) text += '+';
  text += part_text(imaginary) + (both ? "j)" : "j");
  write_json_text(text, to);
}

Bytes without_zeros(Bytes item) noexcept {
  const size_t last = item.find_last_not_of('\0');
  return item.substr(0, last == Bytes::npos ? 0 : last + 1);
}

void write_base64(Bytes bytes, Buffer& to) {
  to.push_back('"');
  append_base64(bytes, to);
  to.push_back('"');
}

}  // namespace

ElementWriter::ElementWriter(Bytes type, uint32_t item_size) : size_(item_size) { parse(type); }

void ElementWriter::parse(Bytes type) {
  if (type == "bfloat16" && size_ == 2) kind_ = Kind::kBfloat16;
  if (type.size() < 3 || (type[0] != '<' && type[0] != '>' && type[0] != '|')) return;
  const char letter = type[1];
  Bytes rest = type.substr(2);
  const int64_t number = take_number(rest);
  if (number * (letter == 'U' ? 4 : 1) != size_) return;
  const bool word = size_ == 1 || size_ == 2 || size_ == 4 || size_ == 8;
  swapped_ = type[0] == '>';
  if (letter == 'M' || letter == 'm') {
    if (size_ == 8) parse_unit(rest);
    if (size_ == 8) kind_ = letter == 'M' ? Kind::kDatetime : Kind::kTimedelta;
  } else if (!rest.empty()) {
    return;
  } else if (letter == 'b' && size_ == 1) {
    kind_ = Kind::kBool;
  } else if (letter == 'i' && word) {
    kind_ = Kind::kInt;
  } else if (letter == 'u' && word) {
    kind_ = Kind::kUnsigned;
  } else if (letter == 'f' && ((word && size_ > 1) || size_ == 16)) {
    kind_ = Kind::kFloat;
  } else if (letter == 'c' && (size_ == 8 || size_ == 16 || size_ == 32)) {
    kind_ = Kind::kComplex;
  } else if (letter == 'S') {
    kind_ = Kind::kByteText;
  } else if (letter == 'U') {
    kind_ = Kind::kText;
  }
}

// "[ns]", "[25s]", or nothing.
void ElementWriter::parse_unit(Bytes unit) {
  if (unit.size() < 3 || unit.front() != '[' || unit.back() != ']') return;
  unit = unit.substr(1, unit.size() - 2);
  const int64_t multiple = take_number(unit);
  if (multiple > 0) multiple_ = multiple;
  unit_ = time_unit(unit);
}

void ElementWriter::write(Bytes item, Buffer& to) const {
  if (!swapped_) return write_known(item, to);
  Buffer native(item);
  if (kind_ == Kind::kComplex) {  // two numbers, each by itself
    native = native.substr(size_ / 2) + native.substr(0, size_ / 2);
  } else if (kind_ == Kind::kText) {
    native.clear();
    for (size_t at = item.size(); at >= 4; at -= 4) native += item.substr(at - 4, 4);
  }
  if (kind_ != Kind::kByteText && kind_ != Kind::kBytes) reverse(native);
  write_known(native, to);
}

void ElementWriter::write_known(Bytes item, Buffer& to) const {
  switch (kind_) {
    case Kind::kBytes:
      return write_base64(item, to);
    case Kind::kByteText:
      return write_base64(without_zeros(item), to);
    case Kind::kText:
      return write_text(item, to);
    case Kind::kBool:
      to += item[0] != 0 ? "true" : "false";
      return;
    case Kind::kInt:
      to += std::to_string(int_of(item));
      return;
    case Kind::kUnsigned:
      to += std::to_string(unsigned_of(item));
      return;
    case Kind::kFloat:
      return write_json_float(float_of(item), to);
    case Kind::kBfloat16:
      return write_json_float(
          static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(unsigned_of(item) << 16))),
          to);
    case Kind::kComplex:
      return write_complex(float_of(item.substr(0, size_ / 2)), float_of(item.substr(size_ / 2)),
                           to);
    case Kind::kDatetime:
    case Kind::kTimedelta:
      break;
  }
  const int64_t count = int_of(item);
  if (count == kNotATime) {
    to += "null";
  } else if (kind_ == Kind::kTimedelta || unit_ < 0) {
    to += std::to_string(count);
  } else {
    write_json_text(datetime_text(count, multiple_, unit_), to);
  }
}

void ElementWriter::write_text(Bytes item, Buffer& to) const {
  constexpr uint32_t kReplacement = 0xfffd;
  constexpr uint32_t kCodepoints = 0x110000;
  Buffer text;
  size_t zeros = 0;  // not written yet: those at the end fill the element up
  for (; item.size() >= 4; item.remove_prefix(4)) {
    const auto codepoint = load_le<uint32_t>(item.data());
    if (codepoint == 0) {
      ++zeros;
      continue;
    }
    text.append(zeros, '\0');
    zeros = 0;
    append_codepoint(text, codepoint < kCodepoints ? codepoint : kReplacement);
  }
  write_json_text(text, to);
}

}  // namespace oocmap
