// SPDX-License-Identifier: Apache-2.0
//
// What every decoder does alike: absent values, names, times, limits, ids.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/document.h"
#include "signals/decoder.h"

namespace kintsugi::signals {

/// Of `rule` and `summary`; longer ones are cut.
inline constexpr std::size_t kMostTextBytes = 1024;
/// Of foreign text within a message.
inline constexpr std::size_t kShownBytes = 64;
/// Bounds of a body; the nodes are more than those of the largest list of events within the other limits.
inline constexpr DocumentLimits kBodyLimits{.max_nodes = 200'000};

/// Reads the members of one object of an event, and of the objects within it. null, "" and "<NA>" are absent.
/// The first wrong member stays as the error, and later reads give nothing of use. A cheap value: it refers
/// to the node and to the error.
class EventReader {
 public:
  /// `error` gets what is wrong first, with its path from `object` on. Both must outlive the reader.
  EventReader(const Node& object, std::optional<Error>& error);
  /// The object that is a member of this one; where it is absent, so are all its members.
  EventReader object(std::string_view key) const;

  bool has(std::string_view key) const { return present(key) != nullptr; }
  /// As has(), but "<NA>" counts, too: the sender has such a member, although it knows no value now.
  bool mentions(std::string_view key) const { return mentioned(key) != nullptr; }
  /// Any text; empty where it is absent.
  std::string text(std::string_view key) const;
  /// As text(); an error where it is absent.
  std::string required(std::string_view key) const;
  /// As text(), for names and ids: at most 256 bytes without control characters.
  std::string identifier(std::string_view key) const;
  std::string pod_name(std::string_view key) const;
  std::string namespace_name(std::string_view key) const;
  /// In their normal forms, as in base/machine_name.h; those that are none of a single machine are errors.
  std::string uuid(std::string_view key) const;
  std::string mac(std::string_view key) const;
  std::string address(std::string_view key) const;
  /// RFC 3339.
  std::optional<WallTime> time(std::string_view key) const;
  /// Exact, or an error with the reason kInexactNumber.
  std::optional<std::int64_t> integer(std::string_view key) const;
  /// nullptr where it is absent or no list.
  const std::vector<Node>* list(std::string_view key) const;
  /// A list of at most 100 identifiers; empty where it is absent.
  std::vector<std::string> tags(std::string_view key) const;

  /// Members with other keys are errors.
  void allow_only(std::initializer_list<std::string_view> keys) const;
  /// Says what is wrong with a member, unless something was wrong before.
  void refuse(std::string_view key, std::string message, std::string_view reason = "") const;

 private:
  EventReader(const Node* object, std::string path, std::optional<Error>& error);
  const Node* mentioned(std::string_view key) const;
  const Node* present(std::string_view key) const;
  std::string name(std::string_view key, bool (*is_valid)(std::string_view), std::size_t most) const;
  void refuse_type(std::string_view key, std::string_view expected, const Node& found) const;
  void refuse_at(std::string path, std::string message, std::string_view reason = "") const;

  const Node* object_;  ///< nullptr: absent
  std::string path_;    ///< empty: the event itself
  std::optional<Error>* error_;
};

struct SeverityWord {
  std::string_view word;  ///< lower case
  Severity severity;
};
/// The severity of a word in any case of letters; nothing where it is none of `words`.
std::optional<Severity> severity_of(std::span<const SeverityWord> words, std::string_view word);

/// Sets the times from `received` and from what the event claims, as kMostAhead and kMostBehind say.
void settle_time(const std::optional<WallTime>& claimed, Signal& signal);

/// For events without an id: a hash of node, rule, victim, claimed time and `more`, but not of any text.
std::string build_id(const Signal& signal, const std::string& more = "");

/// Whether a virtual machine is the victim.
bool names_machine(const Signal& signal);

using DecodeEvent = std::function<Result<Signal>(const Node& event)>;
/// The elements of a list, in its order. kTooLarge above 1000.
Result<Batch> decode_list(const std::vector<Node>& events, const DecodeEvent& decode);
/// For formats that are sent as one event or as a list of them.
Result<Batch> decode_one_or_list(const Node& body, const DecodeEvent& decode);

}  // namespace kintsugi::signals
