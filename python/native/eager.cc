#include "python/native/eager.h"

#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/store/dict.h"
#include "core/store/list.h"
#include "core/store/registered.h"
#include "python/native/convert_out.h"
#include "python/native/keys.h"
#include "python/native/scalars.h"

namespace oocmap::python {
namespace {

// A container that is being filled. What it is filled into is owned by its parent, or is the
// result.
struct Frame {
  PyObject* target = nullptr;
  uint64_t position = 0;
  NodeView node;
  Bytes record;
  Ref keys;                        // shaped dicts
  std::unique_ptr<DictWalk> dict;  // other dicts
  std::unique_ptr<ListWalk> list;  // spilled lists and tuples
};

class EagerReader {
 public:
  explicit EagerReader(const MapReading& reading) : reading_(reading) {}

  EagerValue read(const Member& member) {
    if (!member.container()) {
      Ref scalar = Ref::steal(scalar_to_python(reading_, member));
      return {std::move(scalar), stand_ins_made != before_, CopiedArrays()};
    }
    Ref result = Ref::steal(begin(member, 0, {}));
    first_ = member.word;
    first_object_ = result.get();
    while (!stack_.empty()) {
      if (!fill(stack_.size() - 1)) stack_.pop_back();
    }
    return {std::move(result), stand_ins_made != before_, std::move(arrays_)};
  }

 private:
  // Makes the object for a container and puts it on the stack, or finds it among those made before.
  PyObject* begin(const Member& member, uint64_t parent, Bytes parent_record);
  // Only what a pinned or shared record holds can be met twice, so only that is remembered; and the
  // value itself, to which the one reference there is may be within it.
  static bool may_be_shared(Bytes record) {
    return (record_flags(record) & (kRecordPinned | kRecordImmutable | kRecordShared)) != 0;
  }
  PyObject* make_target(Frame& frame) const;
  PyObject* make_set(const NodeView& node) const;

  // Each adds members until one is a container (its frame is then on top; true), or none is left.
  bool fill(size_t frame);
  bool fill_shaped_dict(size_t frame);
  bool fill_dict(size_t frame);
  bool fill_list(size_t frame);
  bool fill_tuple(size_t frame);
  bool fill_registered(size_t frame);
  bool next_member(Frame& frame, Member& member) const;
  PyObject* value_of(size_t frame, const Member& member) {
    if (!member.container()) return Ref::steal(scalar_to_python(reading_, member)).release();
    const Frame& parent = stack_[frame];
    return begin(member, record_of(parent.node.identity()), parent.record);
  }

  const MapReading& reading_;
  const size_t before_ = stand_ins_made;
  CopiedArrays arrays_;
  std::vector<Frame> stack_;
  std::unordered_map<Identity, PyObject*> made_;
  Identity first_ = 0;
  PyObject* first_object_ = nullptr;
};

PyObject* EagerReader::begin(const Member& member, uint64_t parent, Bytes parent_record) {
  const Identity identity = member.word;
  if (first_object_ != nullptr && identity == first_) return Py_NewRef(first_object_);
  if (!made_.empty()) {
    if (const auto known = made_.find(identity); known != made_.end())
      return Py_NewRef(known->second);
  }
  Frame& frame = stack_.emplace_back();
  frame.record = record_of(identity) == parent
                     ? parent_record
                     : reading_.map().records.find(reading_.transaction(), record_of(identity));
  frame.node = frame.record.empty() ? reading_.store().locate(reading_.transaction(), identity)
                                    : NodeView::locate(frame.record, identity);
  ++read_counters.containers;
  const bool array = frame.node.is_array();
  Ref target = array ? arrays_.add(reading_, frame.node) : Ref::steal(make_target(frame));
  frame.target = target.get();
  if (!frame.record.empty() && may_be_shared(frame.record)) made_.emplace(identity, target.get());
  if (array) stack_.pop_back();  // it has no members
  return target.release();
}

PyObject* EagerReader::make_target(Frame& frame) const {
  const NodeView& node = frame.node;
  switch (node.kind()) {
    case NodeKind::kShapedDict: {
      const ShapeObjects& shape =
          reading_.map().shapes.find(reading_.store(), reading_.transaction(), node.shape());
      frame.keys = shape.keys;
      // A copy has its table in its final size, and each key in place: only values are exchanged.
      return PyDict_Copy(shape.index.get());
    }
    case NodeKind::kInlineDict:
    case NodeKind::kSpilledDict:
      frame.dict = std::make_unique<DictWalk>(reading_.store(), node.identity());
      return PyDict_New();
    case NodeKind::kList:
      return PyList_New(static_cast<Py_ssize_t>(node.count()));
    case NodeKind::kSpilledList:
      frame.list = std::make_unique<ListWalk>(reading_.store(), node.identity());
      return PyList_New(0);
    case NodeKind::kTuple:
      return PyTuple_New(static_cast<Py_ssize_t>(node.count()));
    case NodeKind::kSpilledTuple:
      frame.list = std::make_unique<ListWalk>(reading_.store(), node.identity());
      return PyTuple_New(static_cast<Py_ssize_t>(node.count()));
    case NodeKind::kSet:
    case NodeKind::kFrozenset:
    case NodeKind::kSpilledSet:
    case NodeKind::kSpilledFrozenset:
      return make_set(node);
    case NodeKind::kRegistered: {
      const Bytes name = registered_name(reading_.store(), reading_.transaction(), node);
      return unfinished_registered(Ref::steal(text_to_python(name))).release();
    }
    default:
      throw Error(ErrorCode::kTypeMismatch, "this version cannot read a container of kind " +
                                                std::to_string(static_cast<int>(node.kind())));
  }
}

// Whole at once: its members are keys, so no container of the store is among them.
PyObject* EagerReader::make_set(const NodeView& node) const {
  Ref set = Ref::steal(node.container_kind() == WordKind::kSet ? PySet_New(nullptr)
                                                               : PyFrozenSet_New(nullptr));
  DictWalk walk(reading_.store(), node.identity());
  DictEntry entry;
  while (walk.next(reading_.transaction(), entry)) {
    const Ref member = key_to_python(entry.key);
    checked(PySet_Add(set.get(), member.get()));
    ++read_counters.members;
  }
  return set.release();
}

bool EagerReader::fill(size_t frame) {
  switch (stack_[frame].node.kind()) {
    case NodeKind::kShapedDict:
      return fill_shaped_dict(frame);
    case NodeKind::kInlineDict:
    case NodeKind::kSpilledDict:
      return fill_dict(frame);
    case NodeKind::kTuple:
    case NodeKind::kSpilledTuple:
      return fill_tuple(frame);
    case NodeKind::kList:
    case NodeKind::kSpilledList:
      return fill_list(frame);
    case NodeKind::kRegistered:
      return fill_registered(frame);
    default:
      return false;  // a set
  }
}

bool EagerReader::fill_shaped_dict(size_t frame) {
  Frame& here = stack_[frame];  // until begin() adds another
  PyObject* keys = here.keys.get();
  const auto size = static_cast<uint64_t>(PyTuple_GET_SIZE(keys));
  if (size != here.node.count()) {
    throw Error(ErrorCode::kCorrupt,
                "the file is damaged: a dict with more or fewer members than keys");
  }
  PyObject* target = here.target;
  while (here.position < size) {
    const uint64_t i = here.position++;
    const Member member = here.node.member(i);
    const bool container = member.container();
    const Ref value = Ref::steal(value_of(frame, member));
    checked(
        PyDict_SetItem(target, PyTuple_GET_ITEM(keys, static_cast<Py_ssize_t>(i)), value.get()));
    if (container) return true;
  }
  return false;
}

bool EagerReader::fill_dict(size_t frame) {
  DictEntry entry;
  while (stack_[frame].dict->next(reading_.transaction(), entry)) {
    PyObject* target = stack_[frame].target;
    const Ref key = key_to_python(entry.key);
    const Ref value = Ref::steal(value_of(frame, entry.value));
    checked(PyDict_SetItem(target, key.get(), value.get()));
    if (entry.value.container()) return true;
  }
  return false;
}

bool EagerReader::next_member(Frame& frame, Member& member) const {
  if (frame.list) return frame.list->next(reading_.transaction(), member);
  if (frame.position >= frame.node.count()) return false;
  member = frame.node.member(frame.position);
  return true;
}

bool EagerReader::fill_list(size_t frame) {
  Member member;
  while (next_member(stack_[frame], member)) {
    PyObject* target = stack_[frame].target;
    const auto i = static_cast<Py_ssize_t>(stack_[frame].position++);
    Ref value = Ref::steal(value_of(frame, member));
    if (i < PyList_GET_SIZE(target)) {
      PyList_SET_ITEM(target, i, value.release());
    } else {
      checked(PyList_Append(target, value.get()));
    }
    if (member.container()) return true;
  }
  return false;
}

bool EagerReader::fill_tuple(size_t frame) {
  Member member;
  PyObject* target = stack_[frame].target;
  const auto size = static_cast<uint64_t>(PyTuple_GET_SIZE(target));
  while (next_member(stack_[frame], member) && stack_[frame].position < size) {
    const auto i = static_cast<Py_ssize_t>(stack_[frame].position++);
    PyTuple_SET_ITEM(target, i, value_of(frame, member));
    if (member.container()) return true;
  }
  if (stack_[frame].position != size) {
    throw Error(ErrorCode::kCorrupt,
                "the file is damaged: a tuple with fewer members than it says");
  }
  return false;
}

bool EagerReader::fill_registered(size_t frame) {
  if (stack_[frame].position++ != 0) return false;
  PyObject* target = stack_[frame].target;
  const Member member = stack_[frame].node.member(1);
  set_unfinished_value(target, Ref::steal(value_of(frame, member)));
  return member.container();
}

}  // namespace

EagerValue eager_member(const MapReading& reading, const Member& member) {
  const WithoutCollection guard;
  return EagerReader(reading).read(member);
}

Ref eager(Container& container) {
  EagerValue value;
  {
    const Reading reading(container);
    Member member;
    member.tag = container.tag;
    member.word = container.identity;
    value = eager_member(reading, member);
  }
  return value.finish();
}

}  // namespace oocmap::python
