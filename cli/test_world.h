// SPDX-License-Identifier: Apache-2.0
//
// What the tests of commands run in: an API server of few objects, and a person who may be asked.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/testing/scratch_directory.h"
#include "cli/test_ending.h"
#include "net/testing/scripted_transport.h"

namespace kintsugi {
struct Incident;
}

namespace kintsugi::cli {

inline constexpr WallTime kTestNow{std::chrono::seconds(1'767'226'200)};  ///< 2026-01-01T00:10:00Z
inline constexpr const char* kIncidentsPath =
    "/apis/kintsugi.dev/v1alpha1/namespaces/kintsugi-system/incidents";

/// An incident that waits for a decision about its redeployment.
Incident waiting_incident();
/// The object as the API server gives it out.
nlohmann::json stored_object(const Incident& incident);
/// A Status as the API server writes it.
std::string failure(int code, const std::string& reason);

class TestWorld {
 public:
  net::ScriptedTransport transport;
  ManualClock clock{kTestNow};
  std::map<std::string, std::string> variables{{"USER", "unused"}};
  bool out_is_terminal = false;
  std::vector<std::string> answers;    ///< what the person types; empty: there is nobody
  std::vector<std::string> questions;  ///< what the person was asked
  std::stop_source stop;

  TestWorld();
  ~TestWorld();

  /// Serves an object of the API at `path`: read, and changed by JSON patches.
  void keep(const std::string& path, nlohmann::json object);
  /// The same for an incident; returns its path.
  std::string keep(const Incident& incident);
  /// Serves the collection.
  void keep_list(const std::vector<Incident>& incidents);

  /// Runs `kintsugi` with these arguments.
  Ending run(std::vector<std::string> arguments);

  std::size_t writes() const;
  /// The body of the latest write.
  nlohmann::json latest_write() const;

  std::map<std::string, nlohmann::json> objects;

 private:
  ScratchDirectory directory_;
  std::string kubeconfig_;
};

}  // namespace kintsugi::cli
