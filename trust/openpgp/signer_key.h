// SPDX-License-Identifier: Apache-2.0
//
// Public keys of OpenPGP as `gpg --export` writes them, and the detached signatures by them over content that
// is held in memory, such as lists of checksums.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "trust/openpgp/signature.h"

struct evp_pkey_st;

namespace kintsugi::trust::openpgp {

/// A primary key of version 4, RSA of 2048 to 8192 bits or Ed25519, with what it says about itself. Its
/// subkeys do not count, and no more do others' words about it: who configures a key vouches for it.
///
/// How long it is valid and whether it is for signing, the newest of its self-signatures says. There has to
/// be one. Self-signatures may be over SHA-1, as those of old keys are; nobody can forge one without
/// replacing the file, and then the key itself could be another. Any revocation in the file counts, also one
/// that cannot be verified, as by somebody whom the key has named for it.
///
/// Copies share the key; thread-safe.
class SignerKey {
 public:
  /// Reads one key, in armor or binary. Errors: kInvalidInput; kTooLarge; kUnsupported with UnsupportedKey
  /// for a good key of a kind that is not accepted.
  static Result<SignerKey> parse(std::string_view file);

  /// "openpgp:" and the fingerprint in 40 upper-case hex digits.
  const std::string& id() const { return id_; }

  /// Whether it is one over the bytes of `content`, by this key: RSA or EdDSA, over SHA-256, SHA-384 or
  /// SHA-512, and both signature and key are valid at `now`. Errors, kRefused: SignatureInvalid for another
  /// type, hash or form; KeyMismatch; SignatureExpired; KeyExpired, KeyRevoked; UnsupportedKey for one that
  /// is not for signing.
  Result<void> verify(std::string_view content, const Signature& signature, WallTime now) const;

 private:
  SignerKey() = default;
  bool has_signed(std::string_view bytes, const Signature& signature) const;
  Result<void> check_usable(WallTime now) const;
  void read_self_signature(const std::string& body, std::string_view about);

  std::shared_ptr<evp_pkey_st> key_;
  bool is_rsa_ = false;
  std::string id_;
  std::string framed_;  ///< the key as it is hashed
  WallTime created_{};
  std::vector<Signature> self_signatures_;  ///< verified
  bool is_revoked_ = false;
};

}  // namespace kintsugi::trust::openpgp
