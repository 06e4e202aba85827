// SPDX-License-Identifier: Apache-2.0
//
// What an attestation says about what: in-toto statements, v0.1 and v1 (in-toto/attestation spec/v1).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/document.h"
#include "base/result.h"
#include "trust/crypto/digest.h"
#include "trust/sigstore/annotations.h"
#include "trust/sigstore/dsse.h"

namespace kintsugi::trust {

/// The payload type of envelopes that hold a statement.
inline constexpr char kStatementType[] = "application/vnd.in-toto+json";
/// The predicate type of cosign's image signatures: no other statement is one.
inline constexpr char kSignaturePredicate[] = "https://sigstore.dev/cosign/sign/v1";

struct Statement {
  std::string predicate_type;
  std::vector<Digest> subjects;  ///< the SHA-256 digests of all subjects; those without one are left out
  Node subject;                  ///< the list of all subjects, as it is written
  Node predicate;                ///< null where it is missing, as in signatures of cosign before 3.0.5
  Annotations annotations;       ///< of the subjects (cosign sign -a): those that are strings

  bool is_about(const Digest& digest) const;
};

/// Reads the payload of an envelope, whose signature has been verified: payload type, `_type` (v0.1 or v1),
/// at most 1,024 subjects of at most 32 digests each, at most 16 MiB. Error: kInvalidInput with
/// PayloadMalformed.
Result<Statement> parse_statement(const Envelope& envelope);

}  // namespace kintsugi::trust
