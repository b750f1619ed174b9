#include "core/json/document.h"

#include "core/json/number.h"
#include "core/json/parser.h"
#include "core/json/writer.h"

namespace oocmap {

class DocumentEvents final : public JsonEvents {
 public:
  explicit DocumentEvents(Document& document) : document_(document) {}
  void null() override { add({tag_of(WordKind::kNone), 0}); }
  void boolean(bool value) override {
    add({tag_of(value ? WordKind::kTrue : WordKind::kFalse), 0});
  }
  void integer(int64_t value) override {
    add({tag_of(WordKind::kInt), static_cast<uint64_t>(value)});
  }
  void floating(double value) override {
    Member member{tag_of(WordKind::kFloat), 0};
    std::memcpy(&member.word, &value, sizeof value);
    add(member);
  }
  void payload(PayloadKind kind, Bytes bytes) override {
    const size_t at = keep(bytes);
    add({heap_tag(kind), at, nullptr, static_cast<uint32_t>(bytes.size())});
  }
  void begin_object() override { open(WordKind::kDict); }
  void begin_array() override { open(WordKind::kList); }
  void key(PayloadKind, Bytes text) override {
    key_at_ = keep(text);
    key_size_ = static_cast<uint32_t>(text.size());
  }
  void end() override {
    Document::Item& item = document_.items_[open_.back()];
    item.after = document_.items_.size();
    open_.pop_back();
  }

 private:
  size_t keep(Bytes bytes) {
    const size_t at = document_.texts_.size();
    document_.texts_ += bytes;
    return at;
  }

  void add(const Member& value) {
    Document::Item item;
    item.value = value;
    item.key_at = key_at_;
    item.key_size = key_size_;
    item.after = document_.items_.size() + 1;
    if (!open_.empty()) {
      item.parent = open_.back();
      ++document_.items_[open_.back()].value.word;
    }
    document_.items_.push_back(item);
    key_size_ = 0;
  }

  void open(WordKind kind) {
    add({tag_of(kind), 0});
    open_.push_back(document_.items_.size() - 1);
  }

  Document& document_;
  std::vector<size_t> open_;
  size_t key_at_ = 0;
  uint32_t key_size_ = 0;
};

Document Document::parse(std::string_view text) {
  Document document;
  DocumentEvents events(document);
  parse_json(text, events);
  return document;
}

Member Document::value(Node node) const {
  Member member = items_[node].value;
  if (is_heap(member.tag)) member.data = texts_.data() + member.word;
  return member;
}

uint64_t Document::size(Node node) const { return items_[node].value.word; }

std::optional<Document::Node> Document::first_child(Node node) const {
  const Member& value = items_[node].value;
  if (!value.container() || value.word == 0) return std::nullopt;
  return node + 1;
}

std::optional<Document::Node> Document::next(Node node) const {
  const Item& item = items_[node];
  if (node == 0 || item.after >= items_[item.parent].after) return std::nullopt;
  return item.after;
}

Bytes Document::key(Node node) const {
  return Bytes(texts_).substr(items_[node].key_at, items_[node].key_size);
}

// The last one of that name: a later value replaces an earlier one.
std::optional<Document::Node> Document::child_named(Node node, const Key& key) const {
  std::optional<Node> found;
  const Buffer packed = key.pack();
  Bytes rest = packed;
  const Packed wanted = read_packed(rest);
  const bool text =
      wanted.tag == heap_tag(PayloadKind::kStr) || wanted.tag == heap_tag(PayloadKind::kWtf8);
  if (!text) return std::nullopt;  // every key of JSON text is text
  for (auto child = first_child(node); child; child = next(*child)) {
    if (this->key(*child) == wanted.payload) found = child;
  }
  return found;
}

std::optional<Document::Node> Document::child_at(Node node, uint64_t index) const {
  if (index >= size(node)) return std::nullopt;
  auto child = first_child(node);
  while (index-- > 0) child = next(*child);
  return child;
}

std::optional<Document::Node> Document::find(const Path& path, Node start) const {
  Node at = start;
  for (const PathStep& step : path.steps()) {
    const Member& value = items_[at].value;
    std::optional<Node> found;
    if (value.tag == tag_of(WordKind::kDict)) {
      if (step.key) found = child_named(at, *step.key);
    } else if (value.tag == tag_of(WordKind::kList)) {
      const auto distance = static_cast<uint64_t>(step.index);
      if (step.kind == PathStep::Kind::kIndex) found = child_at(at, distance);
      if (step.kind == PathStep::Kind::kFromEnd && distance <= value.word) {
        found = child_at(at, value.word - distance);
      }
    }
    if (!found) return std::nullopt;
    at = *found;
  }
  return at;
}

void Document::write(Node node, Buffer& to) const {
  std::vector<Node> open;
  const Node start = node;
  for (; node < items_[start].after; ++node) {
    while (!open.empty() && node >= items_[open.back()].after) {
      to.push_back(items_[open.back()].value.tag == tag_of(WordKind::kDict) ? '}' : ']');
      open.pop_back();
    }
    if (!open.empty()) {
      if (node != open.back() + 1) to.push_back(',');
      if (items_[open.back()].value.tag == tag_of(WordKind::kDict)) {
        write_json_text(key(node), to);
        to.push_back(':');
      }
    }
    const Member member = value(node);
    if (member.container()) {
      to.push_back(member.tag == tag_of(WordKind::kDict) ? '{' : '[');
      open.push_back(node);
    } else {
      write_json_scalar(member, member.payload(), to);
    }
  }
  for (; !open.empty(); open.pop_back()) {
    to.push_back(items_[open.back()].value.tag == tag_of(WordKind::kDict) ? '}' : ']');
  }
}

}  // namespace oocmap
