// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/faults/cluster.h"

namespace kintsugi::faults {

/// One of the scenarios that are played over and over.
struct Story {
  const char* name;
  ImageName image = ImageName::kDigest;
  bool is_bare_pod = false;     ///< the victim has no owner
  bool is_false_alarm = false;  ///< a person releases the victim once the service is back
};

inline constexpr Story kPreparedTemplate{"1, the template names an accepted digest"};
inline constexpr Story kTemplateByTag{"14, the template names a tag", ImageName::kTag};
inline constexpr Story kBarePod{"22, a pod without an owner", ImageName::kDigest, true};
inline constexpr Story kFalseAlarm{"25, a false alarm", ImageName::kDigest, false, true};

inline constexpr const char* kBarePodName = "lonely";

}  // namespace kintsugi::faults
