// SPDX-License-Identifier: Apache-2.0
//
// The envelope that statements are signed in: DSSE (secure-systems-lab/dsse, protocol.md and envelope.md).
#pragma once

#include <string>
#include <string_view>

#include "base/document.h"
#include "base/result.h"
#include "base/strict_reader.h"

namespace kintsugi::trust {

inline constexpr std::size_t kMaxEnvelopeBytes = 16u << 20;

/// An envelope with its one signature, decoded. What it says about the key is a hint and not kept.
struct Envelope {
  std::string payload_type;
  std::string payload;
  std::string signature;

  /// What is signed: "DSSEv1" and type and payload, each with its length before it.
  std::string pre_authentication_encoding() const;
};

/// Reads the envelope at `path`; what is wrong is added to `problems`, and the value is then not to be used.
/// Exactly one signature: with more, whose statement it is would be a matter of choice.
Envelope read_envelope(const Node& node, const std::string& path, ProblemList& problems);

/// The same for an envelope that is a document of its own (the layer of cosign's `.att`). Error:
/// kInvalidInput with PayloadMalformed.
Result<Envelope> parse_envelope(std::string_view json);

}  // namespace kintsugi::trust
