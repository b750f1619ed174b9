// Values whose last step runs Python code (an array's library, a time zone's data, the functions of
// a registered class): while a Reading lives none may run, so a stand-in is made of what was read,
// and put in its place; once the Reading has ended, the stand-ins are finished and replaced. A
// stand-in never reaches the user.
#pragma once

#include <cstddef>

#include "core/base/bytes.h"
#include "core/format/word.h"
#include "python/native/python.h"

namespace oocmap::python {

// How many stand-ins there are: while there are none, finishing costs a comparison. And how many
// were ever made.
extern size_t stand_ins;
extern size_t stand_ins_made;

bool is_stand_in(PyObject* object) noexcept;

// Stand-ins. Each returns a new one. Errors: MemoryError.
// Of an array: its head (head_to_python()) and a bytearray of its data.
Ref unfinished_array(Ref head, Ref data);
// Of an object of the registered class `name` (str); its value is set by set_unfinished_value().
Ref unfinished_registered(Ref name);
void set_unfinished_value(PyObject* stand_in, Ref value) noexcept;
// Of a packed key whose making runs Python code. Copies `packed`.
Ref unfinished_key(Bytes packed);
// Of a payload that needs_python() (other_types.h). Copies it.
Ref unfinished_payload(PayloadKind kind, Bytes payload);

// `value` with all stand-ins in it replaced, in place, however deep; of plain dicts, lists, tuples,
// sets and frozensets that nobody has seen yet. No Reading may live. No recursion on the C stack.
// Errors: what building raises; NotRegisteredError; UnsupportedTypeError for an object inside
// itself. Cost: a visit of each container, so call it only where a stand-in was made.
Ref finish_deep(Ref value);

// The same for what one read returned: a stand-in, or a new list, tuple or dict with some among its
// members. Cost: one comparison where there are no stand-ins.
Ref finish_members(Ref value);
inline Ref finished(Ref value) {
  return stand_ins == 0 || !value ? value : finish_members(std::move(value));
}

// Made once, with the module.
void make_stand_in_type(PyObject* module);

}  // namespace oocmap::python
