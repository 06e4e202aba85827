// SPDX-License-Identifier: Apache-2.0
//
// Which vulnerabilities somebody looked into and found not to matter: OpenVEX (openvex/spec,
// OPENVEX-SPEC.md).
#pragma once

#include <set>
#include <string>

#include "base/result.h"
#include "trust/crypto/digest.h"
#include "trust/sigstore/statement.h"

namespace kintsugi::trust {

/// The vulnerabilities, with their aliases, whose last statement about the image is `not_affected` or
/// `fixed`. A product is the image where its `@id`, an identifier or a hash has the digest; a statement that
/// names no product by digest excepts nothing. Nor does one that is limited to subcomponents, because it
/// leaves open whether the vulnerability is elsewhere in the image. Error: kRefused with
/// AttestationMalformed, for another predicate type, too.
Result<std::set<std::string>> vex_exceptions(const Statement& statement, const Digest& image);

}  // namespace kintsugi::trust
