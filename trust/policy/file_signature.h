// SPDX-License-Identifier: Apache-2.0
//
// The forms in which a file's signature stands beside it. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "trust/sigstore/bundle.h"
#include "trust/sigstore/detached_signature.h"

namespace kintsugi::trust {

/// One signature over a file.
using FileSignature = std::variant<Bundle, DetachedSignature>;

enum class SignatureForm : std::uint8_t {
  kBundle,    ///< Sigstore bundles
  kDetached,  ///< the bare signature by a key
};

/// What a file is called that has signatures of this form: the signed file's name with this after it.
const char* suffix_of(SignatureForm form);

/// Of a file that is called so: what is known by the suffix of no other form is a bundle. What is in the file
/// has no say, as the bytes of a bare signature could begin as those of any form.
SignatureForm form_of(std::string_view name);

/// Of a file with signatures of this form.
std::size_t max_bytes_of(SignatureForm form);

/// Reads a file with signatures: at least one. Errors: those of parse_bundles(); kTooLarge with TooLarge;
/// kInvalidInput with SignatureInvalid for an empty one. Whether a bare signature is one, its key tells.
Result<std::vector<FileSignature>> parse_file_signatures(std::string_view text, SignatureForm form);

}  // namespace kintsugi::trust
