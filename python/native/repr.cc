#include "python/native/repr.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/store/dict.h"
#include "core/store/list.h"
#include "python/native/convert_out.h"
#include "python/native/errors.h"
#include "python/native/keys.h"
#include "python/native/lazy_array.h"
#include "python/native/registered.h"
#include "python/native/scalars.h"
#include "python/native/unfinished.h"

namespace oocmap::python {
namespace {

constexpr size_t kLongest = 10'000;
constexpr size_t kLongestType = 100;

// A container that is being written.
struct Frame {
  Identity identity = 0;
  Tag tag = 0;
  uint64_t written = 0;
  bool empty = false;  // a set without members, whose repr is a call
  std::unique_ptr<DictWalk> dict;
  std::unique_ptr<ListWalk> list;
};

class ReprWriter {
 public:
  explicit ReprWriter(const MapReading& reading) : reading_(reading) {}

  // `text` has gaps where the repr of an object of a registered class belongs: finish() fills them.
  void write(const Member& container) {
    begin(container);
    while (!stack_.empty()) {
      if (text_.size() > kLongest) cut();
      if (stack_.empty() || write_member()) continue;
      end();
    }
  }

  // Once the Reading has ended.
  std::string finish() {
    std::string text;
    size_t done = 0;
    for (const Gap& gap : gaps_) {
      text.append(text_, done, gap.at - done);
      done = gap.at;
      append_gap(text, gap.object);
    }
    return text.append(text_, done);
  }

 private:
  static const char* opening(Tag tag, bool empty) {
    switch (static_cast<WordKind>(tag)) {
      case WordKind::kDict:
        return "{";
      case WordKind::kList:
        return "[";
      case WordKind::kSet:
        return empty ? "set(" : "{";
      case WordKind::kFrozenset:
        return empty ? "frozenset(" : "frozenset({";
      default:
        return "(";
    }
  }
  static const char* closing(Tag tag, bool empty) {
    switch (static_cast<WordKind>(tag)) {
      case WordKind::kDict:
        return "}";
      case WordKind::kList:
        return "]";
      case WordKind::kSet:
        return empty ? ")" : "}";
      case WordKind::kFrozenset:
        return empty ? ")" : "})";
      default:
        return ")";
    }
  }

  // Its contents are left to LazyArray's own repr.
  void write_array(const Member& array) {
    const NodeView node = reading_.store().locate(reading_.transaction(), array.word);
    const ArrayHead head = ArrayReader(reading_.transaction(), node).head();
    text_ += "array(shape=(";
    for (size_t axis = 0; axis < head.shape.size(); ++axis) {
      text_ += (axis == 0 ? "" : " ") + std::to_string(head.shape[axis]) + ",";
    }
    if (head.shape.size() > 1) text_.pop_back();
    text_ += "), dtype='";
    text_ += head.type.size() <= kLongestType ? head.type : "...";
    text_ += "')";
  }

  void begin(const Member& container) {
    const auto kind = static_cast<WordKind>(container.tag);
    if (kind == WordKind::kArray) return write_array(container);
    const bool empty = is_set(kind) &&
                       reading_.store().locate(reading_.transaction(), container.word).count() == 0;
    text_ += opening(container.tag, empty);
    for (const Frame& frame : stack_) {
      if (frame.identity != container.word) continue;
      text_ += "...";
      text_ += closing(container.tag, false);
      return;
    }
    Frame frame;
    frame.identity = container.word;
    frame.tag = container.tag;
    frame.empty = empty;
    if (has_keys(kind)) {
      frame.dict = std::make_unique<DictWalk>(reading_.store(), frame.identity);
    } else {
      frame.list = std::make_unique<ListWalk>(reading_.store(), frame.identity);
    }
    stack_.push_back(std::move(frame));
  }

  void end() {
    const Frame& frame = stack_.back();
    if (frame.tag == tag_of(WordKind::kTuple) && frame.written == 1) text_ += ',';
    text_ += closing(frame.tag, frame.empty);
    stack_.pop_back();
  }

  // Writes the next member, or opens it. Returns false where there is none.
  bool write_member() {
    Frame& frame = stack_.back();
    DictEntry entry;
    Member& member = entry.value;
    if (frame.dict ? !frame.dict->next(reading_.transaction(), entry)
                   : !frame.list->next(reading_.transaction(), member)) {
      return false;
    }
    // Objects first: repr() lets a signal handler run, which may change what the views show.
    const Ref key = frame.dict ? key_to_python(entry.key) : Ref();
    const bool set = is_set(static_cast<WordKind>(frame.tag));
    const bool object = static_cast<WordKind>(member.tag) == WordKind::kRegistered;
    const Ref value = set || (member.container() && !object)
                          ? Ref()
                          : Ref::steal(member_to_python(reading_, member));
    if (frame.written++ > 0) text_ += ", ";
    if (set) {
      write_object(key);
      return true;
    }
    if (key) {
      write_object(key);
      text_ += ": ";
    }
    if (value) {
      write_object(value);
    } else {
      begin(member);
    }
    return true;
  }

  void write_object(const Ref& object) {
    if (is_stand_in(object.get())) {
      gaps_.push_back({text_.size(), object});
    } else {
      append_repr(text_, object);
    }
  }

  // A repr is for people: what cannot be made is named, and the rest is shown.
  static void append_gap(std::string& text, const Ref& stand_in) {
    try {
      append_repr(text, finished(stand_in));
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kTypeMismatch) throw;
      text += "...";  // it is inside itself
    } catch (const PythonRaised&) {
      const std::string name = take_not_registered();
      if (name.empty()) throw;
      text += "<unregistered '" + name + "'>";
    }
  }

  static void append_repr(std::string& text, const Ref& object) {
    const Ref repr = Ref::steal(PyObject_Repr(object.get()));
    const Bytes bytes = text_of(repr.get()).bytes;
    if (bytes.size() <= kLongest) {
      text += bytes;
      return;
    }
    size_t size = kLongest;
    while (size > 0 && (static_cast<unsigned char>(bytes[size]) & 0xc0) == 0x80) --size;
    text.append(bytes.substr(0, size)).append("...");
  }

  void cut() {
    text_ += stack_.back().written > 0 ? ", ..." : "...";
    while (!stack_.empty()) {
      text_ += closing(stack_.back().tag, stack_.back().empty);
      stack_.pop_back();
    }
  }

  const MapReading& reading_;
  struct Gap {
    size_t at;
    Ref object;
  };

  std::vector<Frame> stack_;
  std::vector<Gap> gaps_;
  std::string text_;
};

}  // namespace

PyObject* lazy_repr(PyObject* self) {
  return guarded([self] {
    Container& container = container_of(self);
    std::optional<ReprWriter> writer;
    {
      const Reading reading(container);
      const WithoutCollection guard;
      Member member;
      member.tag = container.tag;
      member.word = container.identity;
      writer.emplace(reading).write(member);
    }
    const std::string text = writer->finish();
    return Ref::steal(
               PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace"))
        .release();
  });
}

PyObject* lazy_rich_repr(PyObject* self, PyObject*) {
  return guarded([self] {
    const Ref module = Ref::steal(PyImport_ImportModule("oocmap.rich_repr"));
    return Ref::steal(PyObject_CallMethod(module.get(), "rich_repr", "O", self)).release();
  });
}

}  // namespace oocmap::python
