#include "python/native/json_lines.h"

#include <optional>
#include <string_view>
#include <utility>

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

// Reads documents, each with its key.
class Documents {
 public:
  explicit Documents(PyObject* given) {
    if (given == Py_None) return;
    if (PyUnicode_Check(given)) {
      field_ = std::string(text_of(given).bytes);
    } else if (PyCallable_Check(given) != 0) {
      function_ = Ref::borrow(given);
      const Ref json = Ref::steal(PyImport_ImportModule("json"));
      loads_ = Ref::steal(PyObject_GetAttrString(json.get(), "loads"));
    } else {
      raise(PyExc_TypeError, "key must be None, the name of a field or a function, not '%s'",
            Py_TYPE(given)->tp_name);
    }
  }

  // Encodes the next document of `text` with `to`, and returns its key.
  Key read(std::string_view text, ValueEncoder& to) {
    if (field_) {
      ++count_;
      return read_json_and_key(text, *field_, to);
    }
    read_json(text, to);
    const size_t number = count_++;
    if (!function_) return Key::integer(static_cast<int64_t>(number));
    const auto size = static_cast<Py_ssize_t>(text.size());
    const Ref bytes = Ref::steal(PyBytes_FromStringAndSize(text.data(), size));
    const Ref document = Ref::steal(PyObject_CallOneArg(loads_.get(), bytes.get()));
    const Ref key = Ref::steal(PyObject_CallOneArg(function_.get(), document.get()));
    return encode_key(key.get());
  }
  size_t count() const noexcept { return count_; }

 private:
  std::optional<std::string> field_;
  Ref function_;
  Ref loads_;
  size_t count_ = 0;
};

class Loader {
 public:
  Loader(Container& dict, const JsonLines& source)
      : source_(source), documents_(source.key), batch_(dict) {
    dict.map->check_open();
  }

  size_t run() {
    batch_.run([this] {
      const Ref iterator = Ref::steal(PyObject_GetIter(source_.lines));
      while (const Ref line = next_of(iterator.get())) add_line(line.get());
      store();
    });
    return documents_.count();
  }

 private:
  void add_line(PyObject* line);
  void add_document(std::string_view text);
  void store();
  std::string place() const { return source_.name + ", line " + std::to_string(line_); }

  const JsonLines& source_;
  Documents documents_;
  EntryBatch batch_;
  ValueEncoder encoder_;
  size_t line_ = 0;
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
  Key key = documents_.read(text, encoder_);
  batch_.add(std::move(key), encoder_.finish());
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
