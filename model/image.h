// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace kintsugi {

/// What a container of the victim ran.
struct RunningImage {
  std::string container;
  std::string image;     ///< as its spec names it
  std::string image_id;  ///< as the runtime reported it; may be empty
};

/// The digest that counts as recovered, and why.
struct TrustedImage {
  std::string container;
  std::string image;                     ///< the reference that was verified
  std::string digest;                    ///< "sha256:…", what is deployed
  std::vector<std::string> equivalents;  ///< digests under which a runtime may report it
  std::string policy;
  std::string key_id;
  std::string origin;  ///< "Template", "Rollout", "Running", "LastKnownGood", "Golden"
  std::string asked;   ///< what the template named when it was decided; empty: not known
};

}  // namespace kintsugi
