// SPDX-License-Identifier: Apache-2.0
//
// What `kintsugi trust` prints. Pure. The JSON's members are promised in docs/trust.md.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>

#include "cli/verify_blob.h"
#include "trust/oci/image_reference.h"
#include "trust/policy/verifier.h"

namespace kintsugi::cli {

/// Of an accepted image: the reference to pin to, and who signed, a line each; of a refused one nothing.
std::string verdict_text(const trust::Verdict& verdict);

nlohmann::json explanation_json(const trust::Explanation& explanation);
std::string explanation_text(const trust::Explanation& explanation);

nlohmann::json disk_json(const trust::DiskImage& disk);
std::string disk_text(const trust::DiskImage& disk);

nlohmann::json blob_json(const std::string& subject, const VerifiedBlob& blob);
std::string blob_text(const std::string& subject, const VerifiedBlob& blob);

/// What the policies that select `image` ask for: one entry of `policies` for each, with its authorities and
/// what has to be done for any one of them.
nlohmann::json requirements_json(const trust::ImageReference& image,
                                 std::span<const trust::TrustPolicy> policies);
std::string requirements_text(const nlohmann::json& requirements);

}  // namespace kintsugi::cli
