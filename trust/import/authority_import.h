// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/document.h"
#include "trust/import/attestation_import.h"
#include "trust/import/import_remark.h"

namespace kintsugi::trust {

/// One authority of a ClusterImagePolicy.
struct ImportedAuthority {
  enum class Kind : std::uint8_t {
    kSigners,   ///< whoever is in `signers`
    kAnybody,   ///< static, pass
    kNobody,    ///< static, fail; or policy-controller accepts nothing by it
    kLeftAway,  ///< it does not carry over
  };
  Kind kind = Kind::kLeftAway;
  std::string path;                               ///< "spec.authorities[1]"
  std::vector<nlohmann::json> signers;            ///< authorities of a TrustPolicy; any of them suffices
  std::vector<ImportedAttestation> attestations;  ///< asked for instead of a signature of the image
};

/// Reads an authority. As any authority of a policy suffices, there and here, one that does not carry over
/// exactly, or that would accept more here, is left away as a whole, and the remarks say by which field: what
/// remains accepts less. `index` is its place in the list.
ImportedAuthority import_authority(const Node& node, std::size_t index, RemarkList& remarks);

}  // namespace kintsugi::trust
