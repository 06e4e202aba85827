// SPDX-License-Identifier: Apache-2.0
//
// The forms in which a file's signature stands beside it. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "trust/openpgp/signature.h"
#include "trust/sigstore/bundle.h"
#include "trust/sigstore/detached_signature.h"

namespace kintsugi::trust {

/// One signature over a file.
using FileSignature = std::variant<Bundle, DetachedSignature, openpgp::Signature>;

enum class SignatureForm : std::uint8_t {
  kBundle,    ///< Sigstore bundles
  kDetached,  ///< the bare signature by a key
  kOpenPgp,   ///< detached signatures of OpenPGP
};

/// What may be signed: content of any size, which is known by its digest, or a list of checksums.
enum class SignedKind : std::uint8_t { kContent, kList };

/// What files with the signatures of one that is called `name` are called, in the order in which they are
/// looked for: it, and ".sigstore.json", ".sig"; of a list also ".gpg" and ".sign", as distributions have it.
std::vector<std::string> signature_names(const std::string& name, SignedKind kind);

/// Of a file that is called so: ".sig", ".gpg", ".sign" and ".asc" tell, and all else is a bundle. What is in
/// the file has no say, as the bytes of a bare signature could begin as those of any form.
SignatureForm form_of(std::string_view name);

/// Of a file with signatures of this form.
std::size_t max_bytes_of(SignatureForm form);

/// Reads a file with signatures: at least one. Errors: those of parse_bundles() and
/// openpgp::parse_signatures(), and that of the first signature of OpenPGP where no other counts; kTooLarge
/// with TooLarge; kInvalidInput with SignatureInvalid for an empty file. Whether a bare signature is one, its
/// key tells.
Result<std::vector<FileSignature>> parse_file_signatures(std::string_view text, SignatureForm form);

}  // namespace kintsugi::trust
