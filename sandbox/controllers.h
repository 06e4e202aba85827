// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sandbox/pod_lifecycle.h"

namespace kintsugi::sandbox {

/// All controllers of the pocket cluster. Not thread-safe; the store may be written by others meanwhile.
class Controllers {
 public:
  /// All of these must outlive this object.
  Controllers(ObjectStore& store, const Clock& clock, const ImageSource& images, PodTimings timings);

  /// Runs every controller until nothing changes any more at the present time. Returns the version of the
  /// store that they have seen.
  std::uint64_t settle();
  /// When settle() has something to do again without any write in between.
  MonotonicTime next_due() const { return pods_.next_due(); }

 private:
  ObjectStore& store_;
  const Clock& clock_;
  PodLifecycle pods_;
};

}  // namespace kintsugi::sandbox
