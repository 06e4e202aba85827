// SPDX-License-Identifier: Apache-2.0
//
// Which requests a fault befalls, and what it does. Values.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace kintsugi::faults {

/// A request as the proxy saw it.
struct Call {
  std::size_t number = 0;  ///< from 1 since counting began; 0 for watches, which are not counted
  std::string method = {};
  std::string path = {};
  std::string query = {};
  std::string body = {};
  bool is_watch = false;
  bool is_troubled = false;  ///< a rule befell it
  int status = 0;            ///< what the server answered, whether or not the client got it; 0: nothing (yet)

  bool is_dry_run() const { return query.find("dryRun=") != std::string::npos; }
  bool succeeded() const { return status >= 200 && status < 300; }
  /// "3 PATCH /api/v1/namespaces/shop/pods/web-1 200".
  std::string to_string() const;
};

struct Fault {
  enum class Kind : std::uint8_t {
    kDelay,   ///< pass it on after `delay`
    kAnswer,  ///< answer `status` in the server's place; 410 to a watch is an ERROR event, as servers send it
    kForeignAnswer,  ///< the same with no Status but words of its own, as a proxy without a route answers
    kCutBefore,      ///< end the connection; the server never sees the request
    kCutAfter,       ///< end the connection once the server has acted
  };

  Kind kind = Kind::kDelay;
  std::chrono::milliseconds delay{0};
  int status = 0;
  std::optional<int> retry_after_seconds = {};
};

/// A fault with what it applies to. Of several rules the first that fits counts.
struct Rule {
  Fault fault;
  bool watches = false;        ///< watches only; else all but watches
  std::string method = {};     ///< empty: any
  std::string path_part = {};  ///< anywhere in the path; empty: any
  std::size_t number = 0;      ///< Call::number; 0: any
  bool dry_runs = true;        ///< of changes also those that are only tried
  double probability = 1;
  std::size_t most = std::numeric_limits<std::size_t>::max();  ///< how often it applies
  std::function<void(const Call&)> hook = {};                  ///< called right before a cut
};

/// Rules with their counts and dice. Not thread-safe.
class RuleBook {
 public:
  explicit RuleBook(std::vector<Rule> rules = {}, std::uint64_t seed = 0);
  /// The rule that befalls `call`, or nothing.
  std::optional<Rule> choose(const Call& call);

 private:
  std::vector<Rule> rules_;
  std::mt19937_64 dice_;
};

}  // namespace kintsugi::faults
