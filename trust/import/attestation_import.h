// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/document.h"
#include "base/strict_reader.h"

namespace kintsugi::trust {

/// An attestation that an authority of policy-controller asks for.
struct ImportedAttestation {
  std::string name;
  std::string predicate_type;  ///< the URI
  bool operator==(const ImportedAttestation&) const = default;
};

/// Reads `attestations` of an authority. What does not carry over, above all a `policy` in CUE or Rego, is a
/// problem, and the list is then not to be used: it would ask for less. A policy in CUE that says no more
/// than the predicate type does carry over.
std::vector<ImportedAttestation> read_attestations(const Node& list, const std::string& path,
                                                   ProblemList& problems);

/// The URI for what policy-controller takes as a predicate type: cosign's names, else the text itself.
std::string_view predicate_type_there(std::string_view text);

}  // namespace kintsugi::trust
