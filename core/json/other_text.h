// The text of values that JSON and SQL have no type for: complex, range, the datetime family,
// Decimal, Fraction, UUID. docs/sql.md has the forms.
#pragma once

#include "core/base/bytes.h"
#include "core/base/export.h"
#include "core/format/word.h"

namespace oocmap {

// Python's name of the type of a payload, as type(v).__name__. Errors: kCorrupt for a kind this
// version does not know.
OOCMAP_API const char* payload_type_name(PayloadKind kind);

// The same of a member; of a numpy scalar, which has kinds of its own, the name of its type.
// Errors: kCorrupt.
OOCMAP_API const char* payload_type_name(PayloadKind kind, Bytes payload);

// Whether a payload of this kind is shown as its payload_text().
constexpr bool has_payload_text(PayloadKind kind) noexcept {
  return kind == PayloadKind::kComplex ||
         (kind >= PayloadKind::kRange && kind <= PayloadKind::kUuid);
}
// Appends it: ISO 8601 for times and timedeltas, else what Python's str() gives.
// Errors: kCorrupt.
OOCMAP_API void append_payload_text(PayloadKind kind, Bytes payload, Buffer& to);

}  // namespace oocmap
