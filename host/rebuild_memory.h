// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/regular_file.h"
#include "base/result.h"
#include "host/images/golden_images.h"
#include "model/finding.h"

namespace kintsugi::host {

/// What a job has found out, and when.
template <class Value>
struct JobAnswer {
  Result<Value> result;
  MonotonicTime at;
};

/// An image, and what was asked for.
struct ProvidedImage {
  GoldenSource source;
  GoldenImage image;
  std::string judged_by;  ///< changes with the policies
};

/// The files of a machine that can be started from them.
struct PreparedMachine {
  std::string digest;   ///< of the image: its bytes are right
  FileIdentity golden;  ///< the file that has those bytes
  std::string overlay;  ///< the layer over it
  std::string basis;    ///< MachineFiles::basis() of what they were made from; empty: they were there already
};

/// What jobs have found out about one rebuild.
struct RebuildFacts {
  std::optional<JobAnswer<ProvidedImage>> image;  ///< as a policy accepted it
  std::optional<JobAnswer<PreparedMachine>> prepared;
  std::optional<JobAnswer<void>> rehashed;  ///< its bytes were right when the machine ran from it
  std::optional<JobAnswer<void>> served;    ///< the probes had their answers
};

/// Between a job and the reconcile that it wakes. In memory only: what was lost in a crash is found out
/// again, so that nothing is started which this process has not seen to be right. Thread-safe.
class RebuildMemory {
 public:
  /// Of an incident; empty: nothing is known.
  RebuildFacts facts(const std::string& incident) const;
  void change(const std::string& incident, const std::function<void(RebuildFacts&)>& edit);
  void forget(const std::string& incident);

 private:
  mutable std::mutex mutex_;
  std::map<std::string, RebuildFacts> facts_;  ///< guarded
};

}  // namespace kintsugi::host
