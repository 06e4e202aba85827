// SPDX-License-Identifier: Apache-2.0
//
// How every strict loader reads a Node into values: each problem is collected with its place and a suggestion
// instead of ending at the first.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/document.h"

namespace kintsugi {

/// One thing that is wrong with a document. All text is safe to show.
struct Problem {
  std::string source;                ///< the file, or the object where the document came from an API
  std::string path;                  ///< "spec.steps[0].contain.forensics"; empty: the document itself
  std::optional<Position> position;  ///< none where the document came from an API
  std::string message;
  std::string suggestion;  ///< "did you mean 'contain'?"; may be empty

  /// "a.yaml:12:5: spec.steps[0]: unknown key 'contian'; did you mean 'contain'?"
  std::string to_string() const;
  /// kInvalidInput: the source with position as the object, the suggestion as advice.
  Error to_error() const;
  bool operator==(const Problem&) const = default;
};

/// The problems of one document, in the order of reading. At most kMost are kept, the rest is counted.
class ProblemList {
 public:
  static constexpr std::size_t kMost = 50;
  enum class Positions : std::uint8_t { kKnown, kUnknown };

  /// `source` names the document in each problem.
  explicit ProblemList(std::string source, Positions positions = Positions::kKnown);

  void add(Position position, std::string path, std::string message, std::string suggestion = {});

  bool empty() const { return problems_.empty(); }
  /// All that were added, also those that were not kept.
  std::size_t count() const { return problems_.size() + dropped_; }
  const std::vector<Problem>& all() const { return problems_; }
  /// The first problem, and how many more there are. Only where there is one.
  Error to_error() const;

 private:
  std::string source_;
  Positions positions_;
  std::vector<Problem> problems_;
  std::size_t dropped_ = 0;
};

/// `path` extended by a key: "spec" and "mode" give "spec.mode"; a key that is no plain word is put in
/// brackets: `metadata.labels["a.b/c"]`.
std::string join_path(const std::string& path, std::string_view key);
/// "steps" and 2 give "steps[2]".
std::string join_path(const std::string& path, std::size_t index);

/// "did you mean 'x'?" for the candidate that `word` was most likely meant to be; empty when none is close.
std::string suggest(std::string_view word, const std::vector<std::string_view>& candidates);

enum class Presence : std::uint8_t { kOptional, kRequired };

struct IntegerRange {
  std::int64_t least = INT64_MIN;
  std::int64_t most = INT64_MAX;
};

/// Bounds of texts and of lists and maps of them.
struct TextLimits {
  std::size_t max_bytes = 1024;  ///< of each text
  std::size_t max_count = 100;   ///< of texts
};

/// Reads the members of one object. A getter fills `out` and returns true when the member is there and right;
/// otherwise it leaves `out` alone, and reports a wrong or a missing required one. A null counts as absent,
/// as it does to the Kubernetes API. The node and the list must outlive the reader.
class ObjectReader {
 public:
  /// Reports a node that is no object, and every key that is not in `known_keys`. A getter of another key is
  /// a bug.
  ObjectReader(const Node& node, std::string path, std::vector<std::string_view> known_keys,
               ProblemList& problems);

  bool string(std::string_view key, std::string& out, Presence presence = Presence::kOptional,
              TextLimits limits = {});
  bool boolean(std::string_view key, bool& out, Presence presence = Presence::kOptional);
  bool integer(std::string_view key, std::int64_t& out, IntegerRange range,
               Presence presence = Presence::kOptional);
  bool strings(std::string_view key, std::vector<std::string>& out, Presence presence = Presence::kOptional,
               TextLimits limits = {});
  bool string_map(std::string_view key, std::map<std::string, std::string, std::less<>>& out,
                  Presence presence = Presence::kOptional, TextLimits limits = {});
  /// One of some words.
  template <class T>
  bool word(std::string_view key, T& out, std::initializer_list<std::pair<std::string_view, T>> choices,
            Presence presence = Presence::kOptional) {
    std::vector<std::string_view> words;
    for (const auto& choice : choices) words.push_back(choice.first);
    const auto index = choose(key, words, presence);
    if (index) out = (choices.begin() + *index)->second;
    return index.has_value();
  }
  /// The member itself, to be read further; nullptr where it is absent or of another kind.
  const Node* object(std::string_view key, Presence presence = Presence::kOptional);
  const Node* array(std::string_view key, Presence presence = Presence::kOptional);
  /// The member of any kind but null.
  const Node* member(std::string_view key, Presence presence = Presence::kOptional);

  const std::string& path() const { return path_; }
  std::string path_of(std::string_view key) const { return join_path(path_, key); }
  /// Reports a problem with the member, or with the object where there is no such member.
  void report(std::string_view key, std::string message, std::string suggestion = {});

 private:
  const Node* member_of_kind(std::string_view key, Node::Kind kind, Presence presence);
  std::optional<std::ptrdiff_t> choose(std::string_view key, const std::vector<std::string_view>& words,
                                       Presence presence);
  void report_unknown_keys();

  const Node& node_;
  std::string path_;
  std::vector<std::string_view> known_keys_;
  ProblemList& problems_;
};

/// Reads a text that is no member of an object. As the getters of ObjectReader.
bool read_string(const Node& node, const std::string& path, std::string& out, ProblemList& problems,
                 TextLimits limits = {});

}  // namespace kintsugi
