// Loading a file of JSON documents, one a line.
#pragma once

#include <string>

#include "python/native/lazy.h"

namespace oocmap::python {

struct JsonLines {
  PyObject* lines;         // an iterable of bytes
  std::string name;        // of where they come from, as errors give it
  PyObject* key;           // None, a str or a callable: see OOCMap.load_jsonl
  PyObject* after_stored;  // None, or called without arguments each time something was stored
};

// Stores every document under its key, in batches; blank lines count but hold none. Returns how
// many there were. Errors name the line: JsonError, ArgumentError where a document
// has no such field, those of a write, and what Python code raises.
size_t load_json_lines(Container& dict, const JsonLines& source);

}  // namespace oocmap::python
