// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/testing/signing_key.h"
#include "trust/crypto/log_key.h"
#include "trust/sigstore/log_entry.h"

namespace kintsugi::trust::testing {

/// RFC 6962 §2.1, word by word: the root over leaves that are hashed already.
std::string reference_root(std::span<const std::string> leaf_hashes);
/// RFC 6962 §2.1.1: the audit path of one of them.
std::vector<std::string> reference_path(std::size_t index, std::span<const std::string> leaf_hashes);

/// "text\n\n— name hint||signature\n"
std::string signed_note(const std::string& text, const std::string& name, const std::string& key_hint,
                        const std::string& signature);

/// A transparency log with a key of its own, as Rekor v2 keeps it.
class TestLog {
 public:
  explicit TestLog(const std::string& kind = "P-256", std::string name = "rekor.test");

  /// Trusted from 2026-01-01 on.
  LogKey log_key() const;
  const std::string& name() const { return name_; }
  const SigningKey& key() const { return key_; }
  /// Of a signature line by the log's name.
  std::string key_hint() const;
  std::string checkpoint_text(std::size_t size, const std::string& root_hash) const;
  std::string checkpoint(const std::string& text) const;

  /// Appends an entry, and proves it against the tree as it then is.
  InclusionProof append(std::string_view body);

 private:
  SigningKey key_;
  std::string name_;
  std::vector<std::string> leaf_hashes_;
};

/// What the log entry of a bundle is about, read from a file below trust/testdata/sigstore; throws where that
/// is none.
struct LoggedBundle {
  LogEntry entry;
  LoggedSignature::Content content = LoggedSignature::Content::kMessage;
  std::string signature, certificate, public_key, message_digest, payload, pre_authentication_encoding;

  /// Refers to this object.
  LoggedSignature logged() const;
};
LoggedBundle read_logged_bundle(const std::string& name);

/// The file's content.
std::string read_sigstore_file(const std::string& name);

}  // namespace kintsugi::trust::testing
