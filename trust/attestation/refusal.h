// SPDX-License-Identifier: Apache-2.0
//
// How the checks of this folder say no.
#pragma once

#include <string>
#include <string_view>

#include "base/document.h"
#include "base/result.h"
#include "trust/sigstore/text_rule.h"

namespace kintsugi::trust {

/// kRefused with AttestationMalformed: `where` in the predicate is not of its kind's form.
tl::unexpected<Error> malformed_attestation(std::string_view where, std::string_view what);
/// kRefused with AttestationRefused.
tl::unexpected<Error> refused_attestation(std::string message);
/// Success when the rule accepts the text at `where`.
Result<void> check_text(std::string_view where, const TextRule& rule, const std::string& text);

/// The text of the string that `path` ("builder.id") leads to in the object; nullptr where there is none.
const std::string* text_at(const Node& object, std::string_view path);
/// What `path` leads to; nullptr where there is nothing, or a null.
const Node* node_at(const Node& object, std::string_view path);

/// For fingerprints: `what` with a value in characters that separate nothing.
std::string fingerprint_part(std::string_view what, std::string_view value);
std::string fingerprint_part(std::string_view what, const TextRule& rule);

}  // namespace kintsugi::trust
