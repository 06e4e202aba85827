// SPDX-License-Identifier: Apache-2.0
//
// One decoder per native format turns what a sensor sends into Signals.
#pragma once

#include <chrono>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/signal.h"
#include "signals/reasons.h"

namespace kintsugi::signals {

/// An event that claims to be further ahead of its receipt than this has a wrong clock.
inline constexpr std::chrono::minutes kMostAhead{5};
/// An event that claims to be older than this has a wrong clock, or is too old to measure a recovery by.
inline constexpr std::chrono::hours kMostBehind{24};

/// What one body held, in its order: each element is a Signal or the Error that says why it is none. The
/// error's `object` names the field: `output_fields["k8s.pod.name"]`.
struct Batch {
  bool is_list = false;  ///< sent as a list, of any length, rather than as one event
  std::vector<Result<Signal>> elements;
};

/// Pure and thread-safe; never throws.
class Decoder {
 public:
  virtual ~Decoder() = default;
  /// The name that playbooks use, and `Signal::source`.
  virtual std::string_view source() const = 0;
  /// `received` is when the body arrived. An error is about the whole body: kInvalidInput where it is not
  /// strict JSON, kTooLarge above 1 MiB, 1000 elements or 64 levels.
  virtual Result<Batch> decode(std::string_view body, WallTime received) const = 0;
};

}  // namespace kintsugi::signals
