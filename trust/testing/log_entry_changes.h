// SPDX-License-Identifier: Apache-2.0
//
// What the tests of log entries have in common.
#pragma once

#include <catch2/catch.hpp>
#include <functional>
#include <string>
#include <vector>

#include "trust/sigstore/log_entry.h"
#include "trust/testing/test_log.h"

namespace kintsugi::trust::testing {

/// "good", or the reason why the entry does not prove that the signature was logged.
inline std::string verify(const LoggedBundle& bundle, const std::vector<LogKey>& logs) {
  const auto proof = verify_log_entry(bundle.entry, bundle.logged(), logs);
  if (proof) return "good";
  CHECK(proof.error().code == ErrorCode::kRefused);
  return proof.error().reason;
}

/// With one bit flipped.
inline std::string flip(std::string bytes, std::size_t at = 0) {
  bytes.at(at) = char(bytes.at(at) ^ 1);
  return bytes;
}

/// One thing changed in a good bundle, and what is said of it then.
struct Change {
  std::string name;
  std::function<void(LoggedBundle&)> apply;
  std::string reason;
};

inline void check_changes(const LoggedBundle& good, const std::vector<LogKey>& logs,
                          const std::vector<Change>& changes) {
  REQUIRE(verify(good, logs) == "good");
  for (const Change& change : changes) {
    LoggedBundle bundle = good;
    change.apply(bundle);
    INFO(change.name);
    CHECK(verify(bundle, logs) == change.reason);
  }
}

/// With the first `from` replaced, which must be there.
inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace kintsugi::trust::testing
