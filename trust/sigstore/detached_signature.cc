// SPDX-License-Identifier: Apache-2.0
#include "trust/sigstore/detached_signature.h"

#include <utility>

#include "base/encoding.h"
#include "trust/crypto/reasons.h"

namespace kintsugi::trust {

Result<std::string> parse_detached_signature(std::string_view file, const PublicKey& key) {
  if (file.size() > kMaxDetachedBytes) {
    return fail(
        make_error(ErrorCode::kTooLarge, "a detached signature over 4 KiB").because(reason::kTooLarge));
  }
  if (key.is_signature(file)) return std::string(file);
  std::string_view text = file;
  if (text.ends_with('\n')) text.remove_suffix(1);
  auto signature = base64_decode(text);
  if (signature && key.is_signature(*signature)) return signature;
  return fail(make_error(ErrorCode::kInvalidInput,
                         "neither a signature of the form that this key makes nor the base64 of one")
                  .because(reason::kSignatureInvalid));
}

Result<BlobSigner> verify_detached(std::string_view file, const Artifact& artifact, const PublicKey& key) {
  const auto signature = parse_detached_signature(file, key);
  if (!signature) return fail(signature.error());
  if (auto verified = verify_artifact(artifact, key, *signature); !verified)
    return fail(std::move(verified).error());
  BlobSigner signer;
  signer.key_id = key.id();
  return signer;
}

}  // namespace kintsugi::trust
