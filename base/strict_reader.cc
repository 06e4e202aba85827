// SPDX-License-Identifier: Apache-2.0
#include "base/strict_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cassert>

#include "base/escape.h"

namespace kintsugi {
namespace {

constexpr std::size_t kLongestGuessedWord = 64;
constexpr std::size_t kShownBytes = 64;

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return lower;
}

/// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b` (optimal string
/// alignment).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::swap(before_last, last);
    std::swap(last, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, change});
      const bool is_swap = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (is_swap) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row[b.size()];
}

std::string_view with_article(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::kNull: return "nothing";
    case Node::Kind::kBoolean: return "true or false";
    case Node::Kind::kNumber: return "a number";
    case Node::Kind::kString: return "a string";
    case Node::Kind::kArray: return "a list";
    case Node::Kind::kObject: return "an object";
  }
  return "nothing";
}

/// What stood there, for a message: its kind, and its text where it is short.
std::string found(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kNull: return "nothing";
    case Node::Kind::kBoolean: return node.boolean ? "true" : "false";
    case Node::Kind::kNumber: return "number " + escape(node.text, kShownBytes);
    case Node::Kind::kString: return "string '" + escape(node.text, kShownBytes) + "'";
    case Node::Kind::kArray: return "a list";
    case Node::Kind::kObject: return "an object";
  }
  return "nothing";
}

bool is_plain_word(std::string_view key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

void report_kind(const Node& node, const std::string& path, Node::Kind expected, ProblemList& problems) {
  const bool needs_quotes = expected == Node::Kind::kString &&
                            (node.kind == Node::Kind::kNumber || node.kind == Node::Kind::kBoolean);
  problems.add(node.position, path, fmt::format("expected {}, found {}", with_article(expected), found(node)),
               needs_quotes ? "put it in quotes" : "");
}

}  // namespace

std::string Problem::to_string() const {
  const Error error = to_error();
  return fmt::format("{}: {}{}{}", error.object, error.message, suggestion.empty() ? "" : "; ", suggestion);
}

Error Problem::to_error() const {
  Error error =
      make_error(ErrorCode::kInvalidInput, path.empty() ? message : fmt::format("{}: {}", path, message));
  error.object = position ? fmt::format("{}:{}:{}", source, position->line, position->column) : source;
  error.advice = suggestion;
  return error;
}

ProblemList::ProblemList(std::string source, Positions positions)
    : source_(std::move(source)), positions_(positions) {}

void ProblemList::add(Position position, std::string path, std::string message, std::string suggestion) {
  if (problems_.size() == kMost) {
    ++dropped_;
    return;
  }
  problems_.push_back({source_, std::move(path), std::nullopt, std::move(message), std::move(suggestion)});
  if (positions_ == Positions::kKnown) problems_.back().position = position;
}

Error ProblemList::to_error() const {
  assert(!empty());
  Error error = problems_.front().to_error();
  const std::size_t more = count() - 1;
  if (more > 0) error.message += fmt::format(" (and {} more problem{})", more, more == 1 ? "" : "s");
  return error;
}

std::string join_path(const std::string& path, std::string_view key) {
  if (!is_plain_word(key)) return fmt::format("{}[\"{}\"]", path, escape(key, kShownBytes));
  return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

std::string join_path(const std::string& path, std::size_t index) {
  return fmt::format("{}[{}]", path, index);
}

std::string suggest(std::string_view word, const std::vector<std::string_view>& candidates) {
  if (word.size() > kLongestGuessedWord) return {};
  const std::string lower = lower_case(word);
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string_view candidate : candidates) {
    const std::size_t distance = edit_distance(lower, lower_case(candidate));
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best.empty() ? "" : fmt::format("did you mean '{}'?", best);
}

bool read_string(const Node& node, const std::string& path, std::string& out, ProblemList& problems,
                 TextLimits limits) {
  if (node.kind != Node::Kind::kString) {
    report_kind(node, path, Node::Kind::kString, problems);
    return false;
  }
  if (node.text.size() > limits.max_bytes) {
    problems.add(node.position, path,
                 fmt::format("{} bytes, at most {} are allowed", node.text.size(), limits.max_bytes));
    return false;
  }
  out = node.text;
  return true;
}

ObjectReader::ObjectReader(const Node& node, std::string path, std::vector<std::string_view> known_keys,
                           ProblemList& problems)
    : node_(node), path_(std::move(path)), known_keys_(std::move(known_keys)), problems_(problems) {
  if (node_.kind != Node::Kind::kObject) report_kind(node_, path_, Node::Kind::kObject, problems_);
  report_unknown_keys();
}

void ObjectReader::report_unknown_keys() {
  for (const Node::Member& member : node_.members) {
    if (std::find(known_keys_.begin(), known_keys_.end(), member.key) != known_keys_.end()) continue;
    std::string suggestion = suggest(member.key, known_keys_);
    if (suggestion.empty()) suggestion = fmt::format("known keys: {}", fmt::join(known_keys_, ", "));
    problems_.add(member.key_position, path_,
                  fmt::format("unknown key '{}'", escape(member.key, kShownBytes)), std::move(suggestion));
  }
}

const Node* ObjectReader::member(std::string_view key, Presence presence) {
  assert(std::find(known_keys_.begin(), known_keys_.end(), key) != known_keys_.end());
  const Node* const found = node_.find(key);
  if (found && found->kind != Node::Kind::kNull) return found;
  const bool is_missing = presence == Presence::kRequired && node_.kind == Node::Kind::kObject;
  if (is_missing) problems_.add(node_.position, path_, fmt::format("'{}' is required", key));
  return nullptr;
}

const Node* ObjectReader::member_of_kind(std::string_view key, Node::Kind kind, Presence presence) {
  const Node* const node = member(key, presence);
  if (!node || node->kind == kind) return node;
  report_kind(*node, path_of(key), kind, problems_);
  return nullptr;
}

bool ObjectReader::string(std::string_view key, std::string& out, Presence presence, TextLimits limits) {
  const Node* const node = member(key, presence);
  return node && read_string(*node, path_of(key), out, problems_, limits);
}

bool ObjectReader::boolean(std::string_view key, bool& out, Presence presence) {
  const Node* const node = member_of_kind(key, Node::Kind::kBoolean, presence);
  if (node) out = node->boolean;
  return node != nullptr;
}

bool ObjectReader::integer(std::string_view key, std::int64_t& out, IntegerRange range, Presence presence) {
  const Node* const node = member_of_kind(key, Node::Kind::kNumber, presence);
  if (!node) return false;
  const auto value = node->as_integer();
  if (!value || *value < range.least || *value > range.most) {
    report(key, fmt::format("expected an integer from {} to {}, found {}", range.least, range.most,
                            escape(node->text, kShownBytes)));
    return false;
  }
  out = *value;
  return true;
}

bool ObjectReader::strings(std::string_view key, std::vector<std::string>& out, Presence presence,
                           TextLimits limits) {
  const Node* const list = array(key, presence);
  if (!list) return false;
  if (list->items.size() > limits.max_count) {
    report(key, fmt::format("{} entries, at most {} are allowed", list->items.size(), limits.max_count));
    return false;
  }
  std::vector<std::string> texts(list->items.size());
  bool good = true;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    good &= read_string(list->items[i], join_path(path_of(key), i), texts[i], problems_, limits);
  }
  if (good) out = std::move(texts);
  return good;
}

bool ObjectReader::string_map(std::string_view key, std::map<std::string, std::string, std::less<>>& out,
                              Presence presence, TextLimits limits) {
  const Node* const node = object(key, presence);
  if (!node) return false;
  if (node->members.size() > limits.max_count) {
    report(key, fmt::format("{} entries, at most {} are allowed", node->members.size(), limits.max_count));
    return false;
  }
  std::map<std::string, std::string, std::less<>> map;
  bool good = true;
  for (const Node::Member& entry : node->members) {
    good &= read_string(entry.value, join_path(path_of(key), entry.key), map[entry.key], problems_, limits);
  }
  if (good) out = std::move(map);
  return good;
}

std::optional<std::ptrdiff_t> ObjectReader::choose(std::string_view key,
                                                   const std::vector<std::string_view>& words,
                                                   Presence presence) {
  const Node* const node = member_of_kind(key, Node::Kind::kString, presence);
  if (!node) return std::nullopt;
  const auto chosen = std::find(words.begin(), words.end(), node->text);
  if (chosen != words.end()) return chosen - words.begin();
  report(
      key,
      fmt::format("expected one of {}; found '{}'", fmt::join(words, ", "), escape(node->text, kShownBytes)),
      suggest(node->text, words));
  return std::nullopt;
}

const Node* ObjectReader::object(std::string_view key, Presence presence) {
  return member_of_kind(key, Node::Kind::kObject, presence);
}

const Node* ObjectReader::array(std::string_view key, Presence presence) {
  return member_of_kind(key, Node::Kind::kArray, presence);
}

void ObjectReader::report(std::string_view key, std::string message, std::string suggestion) {
  const Node* const node = node_.find(key);
  problems_.add(node ? node->position : node_.position, path_of(key), std::move(message),
                std::move(suggestion));
}

}  // namespace kintsugi
