// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <utility>

#include "base/document.h"
#include "base/escape.h"
#include "base/unique_keys.h"
#include "base/yaml_scalar.h"

namespace kintsugi {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kStringTag = "tag:yaml.org,2002:str";

Error located(Position where, std::string_view what, ErrorCode code = ErrorCode::kInvalidInput) {
  return make_error(code, fmt::format("line {}, column {}: {}", where.line, where.column, what));
}

/// How a TreeBuilder leaves yaml-cpp's parser; never leaves this file.
struct Refusal {
  Error error;
};

Position to_position(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {std::uint32_t(mark.line) + 1, std::uint32_t(mark.column) + 1};
}

/// Builds Nodes from yaml-cpp's events. Limits and refusals act on the event, before anything is kept.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view text, const DocumentLimits& limits) : text_(text), limits_(limits) {}

  std::vector<Node> take_documents() { return std::move(documents_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    const auto offset = std::size_t(std::max(mark.pos, 0));
    const bool is_first = !std::exchange(started_, true);
    if (!is_first && text_.substr(std::min(offset, text_.size()), 3) != "---") {
      refuse(mark, "text after the end of the document; a further document begins with \"---\"");
    }
    root_ = Node();
  }

  void OnDocumentEnd() override {
    if (root_.kind != Node::Kind::kNull) documents_.push_back(std::move(root_));
  }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { OnScalar(mark, "?", anchor, ""); }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse(mark, "aliases are not supported"); }

  void OnAnchor(const YAML::Mark& mark, const std::string&) override {
    refuse(mark, "anchors are not supported");
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& value) override {
    Node scalar = resolve(mark, tag, value);
    scalar.position = to_position(mark);
    if (expects_key()) {
      add_key(mark, std::move(scalar), tag == "?");
    } else {
      place(mark) = std::move(scalar);
    }
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, Node::Kind::kArray);
  }
  void OnSequenceEnd() override { open_.pop_back(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, Node::Kind::kObject);
  }
  void OnMapEnd() override { open_.pop_back(); }

 private:
  /// A collection whose end has not come. The pointer stays good: a parent grows only after its last child
  /// ended.
  struct Open {
    Node* node;
    bool has_key = false;  ///< the last member waits for its value
    UniqueKeys keys;
  };

  [[noreturn]] void refuse(const YAML::Mark& mark, std::string_view what,
                           ErrorCode code = ErrorCode::kInvalidInput) const {
    throw Refusal{located(to_position(mark), what, code)};
  }

  bool expects_key() const {
    return !open_.empty() && open_.back().node->kind == Node::Kind::kObject && !open_.back().has_key;
  }

  Node resolve(const YAML::Mark& mark, const std::string& tag, const std::string& value) const {
    if (tag == "?" || tag.empty()) {
      auto node = resolve_plain_scalar(value);
      if (!node) refuse(mark, node.error().message);
      return std::move(*node);
    }
    if (tag != "!" && tag != kStringTag) refuse_tag(mark, tag);
    Node node;
    node.kind = Node::Kind::kString;
    node.text = value;
    return node;
  }

  [[noreturn]] void refuse_tag(const YAML::Mark& mark, const std::string& tag) const {
    refuse(mark, fmt::format("tag '{}' is not supported", escape(tag, 64)));
  }

  void add_key(const YAML::Mark& mark, Node key, bool is_plain) {
    if (key.kind != Node::Kind::kString) {
      refuse(mark, fmt::format("a key must be a string, found {}; quote it", kind_name(key.kind)));
    }
    if (is_plain && key.text == "<<") refuse(mark, "merge keys are not supported");
    Open& object = open_.back();
    object.node->members.push_back({std::move(key.text), to_position(mark), {}});
    if (!object.keys.admit_last(object.node->members)) {
      refuse(mark, fmt::format("repeated key \"{}\"", escape(object.node->members.back().key, 64)));
    }
    object.has_key = true;
  }

  /// Where the next value goes; counts it.
  Node& place(const YAML::Mark& mark) {
    if (++nodes_ > limits_.max_nodes) {
      refuse(mark, fmt::format("more than {} values", limits_.max_nodes), ErrorCode::kTooLarge);
    }
    if (open_.empty()) return root_;
    Open& parent = open_.back();
    if (parent.node->kind == Node::Kind::kArray) return parent.node->items.emplace_back();
    parent.has_key = false;
    return parent.node->members.back().value;
  }

  void open(const YAML::Mark& mark, const std::string& tag, Node::Kind kind) {
    if (tag != "?" && !tag.empty()) refuse_tag(mark, tag);
    if (expects_key()) refuse(mark, fmt::format("a key must be a string, found {}", kind_name(kind)));
    if (open_.size() >= limits_.max_depth) {
      refuse(mark, fmt::format("nested deeper than {} levels", limits_.max_depth), ErrorCode::kTooLarge);
    }
    Node& node = place(mark);
    node.kind = kind;
    node.position = to_position(mark);
    open_.push_back({&node, false, {}});
  }

  std::string_view text_;
  const DocumentLimits& limits_;
  std::vector<Node> documents_;
  Node root_;
  std::vector<Open> open_;
  bool started_ = false;
  std::size_t nodes_ = 0;
};

/// What yaml-cpp accepts, explains badly or does not look at: encoding, control characters, tabs.
Result<void> check_line(std::string_view line, std::uint32_t number) {
  if (!is_utf8(line)) return fail(located({number, 1}, "invalid UTF-8 in this line"));
  const auto is_control = [](char c) {
    return (std::uint8_t(c) < 0x20 && c != '\t' && c != '\r') || c == '\x7F';
  };
  const auto control = std::find_if(line.begin(), line.end(), is_control);
  if (control != line.end()) {
    return fail(located({number, std::uint32_t(control - line.begin()) + 1}, "control character"));
  }
  const std::size_t text_start = std::min(line.find_first_not_of(" \t\r"), line.size());
  const std::size_t tab = line.substr(0, text_start).find('\t');
  if (tab != std::string_view::npos && text_start != line.size()) {
    return fail(located({number, std::uint32_t(tab) + 1}, "tab in the indentation; YAML indents by spaces"));
  }
  return {};
}

Result<void> check_lines(std::string_view text) {
  for (std::uint32_t number = 1; !text.empty(); ++number) {
    const std::size_t length = std::min(text.find('\n'), text.size());
    if (auto checked = check_line(text.substr(0, length), number); !checked) return checked;
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  return {};
}

/// yaml-cpp takes quotes that the text's end leaves open after a line end as closed; a document's end there
/// is an error to it.
std::string with_end_marker(std::string_view text) {
  std::string marked(text);
  const std::size_t last_line = text.find_last_of('\n');
  const bool ends_blank = last_line != std::string_view::npos &&
                          text.find_first_not_of(" \t\r", last_line + 1) == std::string_view::npos;
  if (ends_blank) marked += text.ends_with('\n') ? "..." : "\n...";
  return marked;
}

std::string explain(const YAML::Exception& error) {
  const bool is_open_quote =
      error.msg == YAML::ErrorMsg::EOF_IN_SCALAR || error.msg == YAML::ErrorMsg::DOC_IN_SCALAR;
  return is_open_quote ? "a quoted text without its closing quote" : escape(error.msg);
}

Result<std::vector<Node>> build_documents(std::string_view text, const DocumentLimits& limits) {
  try {
    std::istringstream stream(with_end_marker(text));
    YAML::Parser parser(stream);
    TreeBuilder builder(text, limits);
    while (parser.HandleNextDocument(builder)) {
    }
    return builder.take_documents();
  } catch (Refusal& refusal) {
    return fail(std::move(refusal.error));
  } catch (const YAML::Exception& error) {
    return fail(located(to_position(error.mark), explain(error)));
  } catch (const std::exception& error) {
    return fail(ErrorCode::kInvalidInput, "not readable as YAML: " + escape(error.what()));
  }
}

}  // namespace

Result<std::vector<Node>> parse_yaml_documents(std::string_view text, const DocumentLimits& limits) {
  if (text.size() > limits.max_bytes) {
    return fail(ErrorCode::kTooLarge,
                fmt::format("{} bytes, at most {} are read", text.size(), limits.max_bytes));
  }
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  if (auto checked = check_lines(text); !checked) return tl::unexpected(std::move(checked).error());
  return build_documents(text, limits);
}

Result<Node> parse_yaml_document(std::string_view text, const DocumentLimits& limits) {
  auto documents = parse_yaml_documents(text, limits);
  if (!documents) return tl::unexpected(std::move(documents).error());
  if (documents->empty()) return Node();
  if (documents->size() > 1) {
    return fail(located((*documents)[1].position, "a second document; one is expected"));
  }
  return std::move(documents->front());
}

}  // namespace kintsugi
