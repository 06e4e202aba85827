// SPDX-License-Identifier: Apache-2.0
//
// Checkpoints of transparency logs: no crash, what is read keeps its limits, and nothing is signed by a log
// that signed nothing.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/encoding.h"
#include "trust/sigstore/checkpoint.h"

using namespace kintsugi;
using namespace kintsugi::trust;

namespace {

/// The public key of a log of Sigstore's staging instance.
constexpr std::string_view kKey = "MCowBQYDK2VwAyEAPn+AREHoBaZ7wgS1zBqpxmLSGnyhxXj4lFxSdWVB8o8=";
/// What it did sign; the seeds have it.
constexpr std::string_view kRealOrigin = "log2025-alpha1.rekor.sigstage.dev";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const LogKey kLog{"id",
                           "https://log2025-alpha1.rekor.sigstage.dev",
                           PublicKey::parse(base64_decode(kKey).value()).value(),
                           {}};
  const std::string_view note(reinterpret_cast<const char*>(data), size);
  const auto checkpoint = parse_checkpoint(note);
  if (!checkpoint) return 0;
  if (!note.starts_with(checkpoint->signed_text) || !checkpoint->signed_text.ends_with('\n')) std::abort();
  if (checkpoint->root_hash.size() != 32 || checkpoint->origin.empty()) std::abort();
  if (checkpoint->signatures.empty() || checkpoint->signatures.size() > 32) std::abort();
  for (const NoteSignature& signature : checkpoint->signatures) {
    if (signature.key_hint.size() != 4 || signature.signature.empty()) std::abort();
  }
  if (verify_checkpoint(*checkpoint, kLog) && checkpoint->origin != kRealOrigin) std::abort();
  return 0;
}
