// SPDX-License-Identifier: Apache-2.0
//
// Manifests and indexes: no crash, and the equivalent digests hold the document's own.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "trust/oci/image_index.h"

using namespace kintsugi;
using namespace kintsugi::trust;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static constexpr std::array kTypes = {kOciIndexType, kOciManifestType, kDockerListType,
                                        kDockerManifestType};
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  for (const char* type : kTypes) {
    const RawManifest raw{type, Digest::of(bytes), bytes};
    const auto document = parse_image_document(raw);
    if (!document) continue;
    if (document->is_index != document->layers.empty() && !document->manifests.empty()) std::abort();
    // Every child is the document again: the limits must end it.
    const auto digests = equivalent_digests(raw, [&](const std::vector<Digest>& wanted) {
      std::vector<Result<RawManifest>> answers;
      for (const Digest& digest : wanted) answers.emplace_back(RawManifest{type, digest, bytes});
      return answers;
    });
    if (digests && !digests->contains(raw.digest)) std::abort();
  }
  return 0;
}
