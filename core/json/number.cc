#include "core/json/number.h"

#include <gmp.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <memory>

#include "core/base/error.h"

namespace oocmap {
namespace {

class BigInteger {
 public:
  BigInteger() { mpz_init(value_); }
  ~BigInteger() { mpz_clear(value_); }
  BigInteger(const BigInteger&) = delete;
  BigInteger& operator=(const BigInteger&) = delete;
  mpz_ptr get() noexcept { return value_; }

 private:
  mpz_t value_;
};

constexpr int kLeastSignificantFirst = -1;

Buffer encode_payload(mpz_srcptr value) {
  Buffer payload((mpz_sizeinbase(value, 2) + 7) / 8 + 1, '\0');
  payload[0] = mpz_sgn(value) < 0 ? 1 : 0;
  size_t count = 0;
  mpz_export(payload.data() + 1, &count, kLeastSignificantFirst, 1, 0, 0, value);
  payload.resize(1 + count);
  return payload;
}

// Python switches to an exponent below 1e-4 and from 1e16 on.
constexpr int kFixedFrom = -4;
constexpr int kFixedBelow = 16;

}  // namespace

Buffer big_int_text(Bytes payload) {
  if (payload.size() < 2 || static_cast<uint8_t>(payload[0]) > 1) {
    throw Error(ErrorCode::kCorrupt, "a big integer's bytes do not decode");
  }
  BigInteger value;
  mpz_import(value.get(), payload.size() - 1, kLeastSignificantFirst, 1, 0, 0, payload.data() + 1);
  if (payload[0] != 0) mpz_neg(value.get(), value.get());
  Buffer text(mpz_sizeinbase(value.get(), 10) + 2, '\0');
  mpz_get_str(text.data(), 10, value.get());
  text.resize(std::char_traits<char>::length(text.c_str()));
  return text;
}

ParsedInt parse_int(std::string_view decimal) {
  ParsedInt parsed;
  const char* const end = decimal.data() + decimal.size();
  const auto [stop, error] = std::from_chars(decimal.data(), end, parsed.value);
  if (stop != end || error == std::errc::invalid_argument) {
    throw Error(ErrorCode::kInvalidArgument, "not an integer: '" + std::string(decimal) + "'");
  }
  if (error == std::errc()) return parsed;
  BigInteger value;
  mpz_set_str(value.get(), std::string(decimal).c_str(), 10);  // from_chars saw nothing but digits
  parsed.big = true;
  parsed.payload = encode_payload(value.get());
  return parsed;
}

bool parse_float(std::string_view text, double& value) {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (stop != end || error == std::errc::invalid_argument) return false;
  if (error == std::errc::result_out_of_range) {
    // from_chars leaves the value alone: the sign of the exponent tells an overflow from an
    // underflow.
    const size_t exponent = text.find_first_of("eE");
    const bool tiny = exponent != std::string_view::npos && exponent + 1 < text.size() &&
                      text[exponent + 1] == '-';
    const double magnitude = tiny ? 0.0 : HUGE_VAL;
    value = text.front() == '-' ? -magnitude : magnitude;
  }
  return true;
}

Buffer float_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[64];
  const auto scientific =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  const std::string_view text(buffer, static_cast<size_t>(scientific.ptr - buffer));
  const int exponent = std::atoi(std::string(text.substr(text.find('e') + 1)).c_str());
  if (exponent < kFixedFrom || exponent >= kFixedBelow) return Buffer(text);
  const auto fixed = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed);
  Buffer out(buffer, static_cast<size_t>(fixed.ptr - buffer));
  if (out.find('.') == Buffer::npos) out += ".0";
  return out;
}

void write_json_float(double value, Buffer& to) {
  if (std::isnan(value)) {
    to += "null";
  } else if (std::isinf(value)) {
    to += value < 0 ? "-9.0e+999" : "9.0e+999";
  } else {
    to += float_repr(value);
  }
}

}  // namespace oocmap
