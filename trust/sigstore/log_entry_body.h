// SPDX-License-Identifier: Apache-2.0
//
// What the body of a log entry says, compared with what it has to say: the part of log_entry.h in which the
// versions of Rekor differ.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "trust/crypto/hash.h"
#include "trust/sigstore/log_entry.h"

namespace kintsugi::trust {

/// kRefused with LogEntryInvalid.
tl::unexpected<Error> invalid_log_entry(std::string message);
/// kRefused with LogEntryMismatch: "the log entry is about another <what>".
tl::unexpected<Error> other_log_entry(std::string_view what);

/// The hash of what was signed, raw: of the message, or of the envelope's pre-authentication encoding. Error:
/// LogEntryMismatch for a message of which only another hash is known.
Result<std::string> signed_digest(const LoggedSignature& logged, HashAlgorithm algorithm);

/// Success when the body of this entry of Rekor v1 says exactly `logged`. Errors: LogEntryInvalid,
/// LogEntryMismatch.
Result<void> match_rekor_v1_body(const LogEntry& entry, const LoggedSignature& logged);

/// The body that Rekor v2 makes of `logged` for this kind of entry, byte by byte: RFC 8785 leaves no choice.
/// Errors: LogEntryInvalid, LogEntryMismatch.
Result<std::string> make_rekor_v2_body(const LogEntry& entry, const LoggedSignature& logged);

}  // namespace kintsugi::trust
