#include "sqlite_ext/tree_walk.h"

#include "core/base/error.h"

namespace oocmap::sql {
namespace {

// `text` without its last step, of which there is one. Inside a quoted name or a literal there may
// be what looks like the start of a step: a text cut there is no path.
std::string without_last_step(const Path& path, const std::string& text) {
  for (size_t at = text.find_last_of(".["); at != std::string::npos && at > 0;
       at = text.find_last_of(".[", at - 1)) {
    try {
      std::string outer = text.substr(0, at);
      if (Path::parse(outer).steps().size() + 1 == path.steps().size()) return outer;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kInvalidPath) throw;
    }
  }
  return text;
}

// What `work` gives; `gone` where the container it reads is gone since the last step.
template <typename Result, typename Work>
Result unless_gone(Result gone, const Work& work) {
  try {
    return work();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kStaleHandle) throw;
    return gone;
  }
}

}  // namespace

TreeWalk::TreeWalk(std::unique_ptr<Members> root, const Path& path, const std::string& text)
    : prefix_(text), root_path_(text) {
  levels_.push_back({std::move(root)});
  if (path.steps().empty()) return;
  root_path_ = without_last_step(path, text);
  root_key_ = path.steps().back().key;
}

bool TreeWalk::next() {
  if (row_++ > 0) descend();
  while (!step()) {
    if (at_root()) return false;
    ascend();
  }
  return true;
}

void TreeWalk::descend() {
  auto inner = unless_gone<std::unique_ptr<Members>>(nullptr, [&] { return member().enter(); });
  if (!inner) return;
  const Identity identity = inner->identity();
  if (identity != 0 && !containers_.insert(identity).second) {
    throw Error(ErrorCode::kTypeMismatch, "the value at '" + fullkey(root_path_) +
                                              "' contains itself: a tree of it would have no end");
  }
  const size_t outer_prefix = prefix_.size();
  if (!at_root()) prefix_ += step_text(*member().key());
  levels_.push_back({std::move(inner), row_ - 1, outer_prefix});
}

// Whether there is one more in the innermost container; none in one that is gone.
bool TreeWalk::step() {
  return unless_gone(false, [&] { return member().next(); });
}

void TreeWalk::ascend() {
  containers_.erase(member().identity());
  prefix_.resize(levels_.back().outer_prefix);
  levels_.pop_back();
}

std::string TreeWalk::fullkey(const std::string&) {
  return at_root() ? prefix_ : prefix_ + step_text(*member().key());
}

std::string TreeWalk::path(const std::string&) { return at_root() ? root_path_ : prefix_; }

std::optional<int64_t> TreeWalk::parent() {
  return at_root() ? std::nullopt : std::optional(levels_.back().row);
}

}  // namespace oocmap::sql
