// Python literals of dict keys, as a path's `[literal]` and a key's text use them:
//   None True False 7 -1.5e3 'text' "text" b'bytes' (1, 'a') () (1,) frozenset({1}) frozenset()
// and x'cf4f4b...', a key BLOB (format/handle.h) in hexadecimal: any key at all.
// Numbers of any size; the escapes of Python's string literals \\ \' \" \n \r \t \0 \xhh \uhhhh
// \Uhhhhhhhh.
#pragma once

#include <string_view>

#include "core/base/export.h"
#include "core/format/key_encoding.h"

namespace oocmap {

// The key of generalised UTF-8 text (kStr, or kWtf8 where there are lone surrogates).
// Errors: kInvalidPath where the bytes are not even that.
Key literal_text_key(std::string_view text);

// Reads the literal at text[at] and moves `at` behind it (blanks around it are skipped).
// Errors: kInvalidPath ("expected ..."); `at` is then where it went wrong.
Key read_literal_key(std::string_view text, size_t& at);

// The literal of `key`, as Python's repr writes it (non-ASCII text as it is). For people: a
// Decimal's is its number, and a date's no literal.
OOCMAP_API Buffer key_literal(const Key& key);

// A literal that read_literal_key reads back as a key equal to `key`: key_literal's where it does,
// else x'...'. Cost: one reading of it, for a key that is no int.
OOCMAP_API Buffer readable_key_literal(const Key& key);

}  // namespace oocmap
