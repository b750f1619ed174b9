#include "python/native/json_lines.h"

#include <optional>
#include <string_view>
#include <utility>

#include "core/json/document.h"
#include "core/json/path.h"
#include "core/json/reader.h"
#include "python/native/compare.h"
#include "python/native/convert_in.h"
#include "python/native/entry_batch.h"
#include "python/native/errors.h"
#include "python/native/scalars.h"

namespace oocmap::python {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::string_view kBlank = " \t\r\n";

std::string_view without_blanks(std::string_view line) {
  const size_t first = line.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(kBlank) - first + 1);
}

// The key that stands in a field of the document.
Key key_in_field(std::string_view text, const Path& field, const std::string& name) {
  const Document document = Document::parse(text);
  const std::optional<Document::Node> node = document.find(field);
  if (!node) {
    throw Error(ErrorCode::kInvalidArgument,
                "the document has no field '" + name + "' to take its key from");
  }
  const Member member = document.value(*node);
  switch (static_cast<WordKind>(member.tag)) {
    case WordKind::kNone:
      return Key::none();
    case WordKind::kFalse:
    case WordKind::kTrue:
      return Key::boolean(member.tag == tag_of(WordKind::kTrue));
    case WordKind::kInt:
      return Key::integer(member.as_int());
    case WordKind::kFloat:
      return Key::floating(member.as_float());
    default:
      if (member.has_payload()) return Key::payload(member.payload_kind(), member.payload());
      throw Error(ErrorCode::kInvalidArgument,
                  "the field '" + name + "' holds an array or object, which cannot be a key");
  }
}

// Where the keys of the documents come from.
class Keys {
 public:
  explicit Keys(PyObject* given) {
    if (given == Py_None) return;
    if (PyUnicode_Check(given)) {
      name_ = std::string(text_of(given).bytes);
      field_ = Path::of_name(name_);
    } else if (PyCallable_Check(given) != 0) {
      function_ = Ref::borrow(given);
      const Ref json = Ref::steal(PyImport_ImportModule("json"));
      loads_ = Ref::steal(PyObject_GetAttrString(json.get(), "loads"));
    } else {
      raise(PyExc_TypeError, "key must be None, the name of a field or a function, not '%s'",
            Py_TYPE(given)->tp_name);
    }
  }

  // `number`: of the documents before it.
  Key of(std::string_view text, size_t number) const {
    if (field_) return key_in_field(text, *field_, name_);
    if (!function_) return Key::integer(static_cast<int64_t>(number));
    const auto size = static_cast<Py_ssize_t>(text.size());
    const Ref bytes = Ref::steal(PyBytes_FromStringAndSize(text.data(), size));
    const Ref document = Ref::steal(PyObject_CallOneArg(loads_.get(), bytes.get()));
    const Ref key = Ref::steal(PyObject_CallOneArg(function_.get(), document.get()));
    return encode_key(key.get());
  }

 private:
  std::string name_;
  std::optional<Path> field_;
  Ref function_;
  Ref loads_;
};

class Loader {
 public:
  Loader(Container& dict, const JsonLines& source)
      : source_(source), keys_(source.key), batch_(dict) {
    dict.map->check_open();
  }

  size_t run() {
    batch_.run([this] {
      const Ref iterator = Ref::steal(PyObject_GetIter(source_.lines));
      while (const Ref line = next_of(iterator.get())) add_line(line.get());
      store();
    });
    return documents_;
  }

 private:
  void add_line(PyObject* line);
  void add_document(std::string_view text);
  void store();
  std::string place() const { return source_.name + ", line " + std::to_string(line_); }

  const JsonLines& source_;
  Keys keys_;
  EntryBatch batch_;
  ValueEncoder encoder_;
  size_t line_ = 0;
  size_t documents_ = 0;
};

void Loader::add_line(PyObject* line) {
  ++line_;
  if (!PyBytes_Check(line)) {
    raise(PyExc_TypeError, "lines must be bytes, not '%s'", Py_TYPE(line)->tp_name);
  }
  std::string_view text = bytes_of(line);
  if (line_ == 1 && text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  text = without_blanks(text);
  if (text.empty()) return;
  try {
    add_document(text);
  } catch (const Error& error) {
    throw Error(error.code(), place() + ": " + error.message());
  } catch (const PythonRaised&) {
    RaisedException().add_note("it was " + place());
    throw;
  }
  if (batch_.full()) store();
}

void Loader::add_document(std::string_view text) {
  encoder_.reset();  // of what an invalid document left
  read_json(text, encoder_);
  EncodedValue value = encoder_.finish();
  batch_.add(keys_.of(text, documents_), std::move(value));
  ++documents_;
}

void Loader::store() {
  batch_.store(/*in_parts=*/true);
  if (source_.after_stored != Py_None) Ref::steal(PyObject_CallNoArgs(source_.after_stored));
}

}  // namespace

size_t load_json_lines(Container& dict, const JsonLines& source) {
  return Loader(dict, source).run();
}

}  // namespace oocmap::python
