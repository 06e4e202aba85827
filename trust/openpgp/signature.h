// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace kintsugi::trust::openpgp {

/// Numbers of RFC 4880 §9 and of EdDSA in it.
enum class KeyAlgorithm : std::uint8_t { kRsa = 1, kRsaSignOnly = 3, kEdDsa = 22 };
enum class SignatureType : std::uint8_t {
  kBinary = 0x00,
  kText = 0x01,
  kFirstCertification = 0x10,
  kLastCertification = 0x13,
  kDirectKey = 0x1F,
  kKeyRevocation = 0x20,
};
enum class Hash : std::uint8_t { kSha1 = 2, kSha256 = 8, kSha384 = 9, kSha512 = 10 };

/// Of a file with detached signatures.
inline constexpr std::size_t kMaxSignatures = 32;
inline constexpr std::size_t kMaxSignatureFileBytes = 64u << 10;

/// A signature of version 4, as it says itself. Nothing in it is to be believed before it is verified.
struct Signature {
  SignatureType type;      ///< may be any of 0 to 255, as the two below
  KeyAlgorithm algorithm;  ///< of the key that made it
  Hash hash;
  std::string suffix;                      ///< what is hashed after what it is over
  std::vector<std::string> integers = {};  ///< big-endian, without leading zeros: RSA has one, EdDSA two
  WallTime created{};                      ///< as all that follow, of what is signed
  std::optional<std::uint32_t> valid_seconds = {};      ///< after `created`; nothing: for ever
  std::optional<std::uint32_t> key_valid_seconds = {};  ///< of a self-signature: after the key was made
  std::optional<std::uint8_t> key_flags = {};           ///< of a self-signature: the first of them
};

/// Whether it counts at all at that time: no sooner than it was made, and no later than it says. Errors,
/// kRefused: SignatureInvalid, SignatureExpired.
Result<void> check_time(const Signature& signature, WallTime now);

/// Reads the body of a packet. Subpackets that are critical and not known here make it kUnsupported, also
/// those that are not signed, which say nothing else that counts. Errors: kInvalidInput, kUnsupported, with
/// SignatureInvalid.
Result<Signature> parse_signature(std::string_view body);

/// One of the signatures in a file, or why it is none that counts: others in the file still may.
using FoundSignature = Result<Signature>;

/// Reads a file of detached signatures, in armor or binary: nothing but signatures, and at least one.
/// Errors: kInvalidInput with SignatureInvalid; kTooLarge with TooLarge.
Result<std::vector<FoundSignature>> parse_signatures(std::string_view file);

}  // namespace kintsugi::trust::openpgp
