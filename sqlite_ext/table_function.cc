#include "sqlite_ext/table_function.h"

#include <optional>
#include <utility>

#include "sqlite_ext/keys.h"
#include "sqlite_ext/planner.h"
#include "sqlite_ext/values.h"

namespace oocmap::sql {
namespace {

constexpr char kForm[] = "SELECT ... FROM oocmap('data.ooc' [, '$.path'])";

std::string text_argument(sqlite3_value* value, const char* what) {
  if (sqlite3_value_type(value) == SQLITE_TEXT) {
    const Bytes text = text_bytes(value);
    if (!text.empty() && text.find('\0') == Bytes::npos) return std::string(text);
  }
  throw Error(ErrorCode::kInvalidArgument,
              std::string("oocmap(): ") + what + " is text, not empty and without NUL: " + kForm);
}

std::string hex(Bytes bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    out += {kHex[byte >> 4], kHex[byte & 15]};
  }
  return out;
}

}  // namespace

Arguments function_arguments() {
  Arguments arguments;
  arguments.function = true;
  return arguments;
}

std::optional<FunctionConstraints> read_function_constraints(const Table& table,
                                                             const sqlite3_index_info& info) {
  FunctionConstraints found;
  for (int i = 0; i < info.nConstraint; ++i) {
    const auto& constraint = info.aConstraint[i];
    if (constraint.op != SQLITE_INDEX_CONSTRAINT_EQ || constraint.iColumn < 0) continue;
    const ColumnKind kind = table.columns[static_cast<size_t>(constraint.iColumn)].kind;
    if (kind != ColumnKind::kFile && kind != ColumnKind::kRoot) continue;
    if (!constraint.usable) return std::nullopt;
    (kind == ColumnKind::kFile ? found.file : found.root) = i;
  }
  return found;
}

void refuse_function_write() {
  throw SqliteError(SQLITE_READONLY,
                    "oocmap() is read-only: to write, create a table (CREATE VIRTUAL TABLE temp.m "
                    "USING oocmap('data.ooc'))");
}

void FunctionCursor::open(const std::string& file, const std::string& root) {
  if (meant_ && meant_->arguments.file == file && meant_->arguments.root_text == root) return;
  Arguments arguments = function_arguments();
  arguments.file = file;
  arguments.root_text = root;
  arguments.root = Path::parse(root);
  rows_.reset();
  meant_ = std::make_unique<Table>(table.connection, "temp", table.name, std::move(arguments));
}

void FunctionCursor::filter(int plan, const std::vector<sqlite3_value*>& values) {
  if (!(plan & kPlanFile)) {
    throw Error(ErrorCode::kInvalidArgument, std::string("oocmap(): no file is named: ") + kForm);
  }
  const size_t arguments = plan & kPlanRoot ? 2 : 1;
  for (size_t i = 0; i < arguments; ++i) {
    if (sqlite3_value_type(values[i]) == SQLITE_NULL) return rows_.reset();  // as json_each(NULL)
  }
  open(text_argument(values[0], "the file"),
       arguments > 1 ? text_argument(values[1], "the root") : "$");
  if (!meant_->has_root()) return rows_.reset();  // of many files, some may not have it
  if (!rows_) rows_ = std::make_unique<TableCursor>(*meant_);
  rows_->filter(plan & ~(kPlanFile | kPlanRoot),
                {values.begin() + static_cast<ptrdiff_t>(arguments), values.end()});
}

void FunctionCursor::column(sqlite3_context* context, int index) {
  const Arguments& arguments = meant_->arguments;
  switch (table.columns[static_cast<size_t>(index)].kind) {
    case ColumnKind::kFile:
      return result_text(context, arguments.file);
    case ColumnKind::kRoot:
      return result_text(context, arguments.root_text);
    case ColumnKind::kRowId:  // rows of several files meet in one query
      return result_text(context, hex(arguments.file) + "." + hex(arguments.root_text) + "." +
                                      hex(rows_->key().pack()));
    default:
      return rows_->column(context, index);
  }
}

}  // namespace oocmap::sql
