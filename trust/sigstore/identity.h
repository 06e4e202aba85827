// SPDX-License-Identifier: Apache-2.0
//
// Who signed, as a certificate of Fulcio says it, and who may sign. Extensions: sigstore/fulcio
// docs/oid-info.md.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "trust/crypto/certificate.h"
#include "trust/sigstore/text_rule.h"

namespace kintsugi::trust {

/// What a certificate says of its holder. Attacker-controlled like all text; not escaped.
struct Identity {
  std::string issuer;              ///< of the identity: "https://accounts.google.com"; empty: says nothing
  std::vector<std::string> names;  ///< the alternative names: URI, e-mail address, other name
  /// What else Fulcio vouches for, by the names of its documentation in lower camel case:
  /// "sourceRepositoryURI", "runnerEnvironment".
  std::map<std::string, std::string> claims;
};

/// Reads a verified certificate. Error: kInvalidInput with CertificateInvalid, for an extension that is not
/// as Fulcio writes it, or that is there twice.
Result<Identity> identity_of(const Certificate& certificate);

/// The claims that an IdentityRule can ask for.
bool is_claim(std::string_view name);

/// Who may sign: issuer and one of the names fit, and each claim.
struct IdentityRule {
  TextRule issuer = TextRule::exactly("");
  TextRule subject = TextRule::exactly("");
  std::map<std::string, TextRule> claims;
};

/// Success when the identity fits the rule. Error: kRefused with IdentityMismatch, which says what was found
/// and what was asked for, and where a pattern matched in part only.
Result<void> check_identity(const Identity& identity, const IdentityRule& rule);

}  // namespace kintsugi::trust
