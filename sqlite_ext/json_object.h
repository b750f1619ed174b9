// A JSON object of figures and versions, member by member.
#pragma once

#include <string>
#include <utility>

#include "core/base/bytes.h"

namespace oocmap::sql {

class JsonObject {
 public:
  // Neither name nor text is escaped: they are ours, and need none.
  void add(Bytes name, Bytes text) {
    start(name);
    append_text(text);
  }
  void add(Bytes name, uint64_t number) {
    start(name);
    json_ += std::to_string(number);
  }
  // `json`: a whole JSON value.
  void add_json(Bytes name, Bytes json) {
    start(name);
    json_ += json;
  }
  Buffer finish() { return std::move(json_ += '}'); }

 private:
  void start(Bytes name) {
    json_.push_back(json_.empty() ? '{' : ',');
    append_text(name);
    json_.push_back(':');
  }
  void append_text(Bytes text) { (json_ += '"').append(text).push_back('"'); }
  Buffer json_;
};

}  // namespace oocmap::sql
