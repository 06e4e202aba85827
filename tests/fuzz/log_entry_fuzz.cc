// SPDX-License-Identifier: Apache-2.0
//
// Bodies of log entries, of every kind: no crash, and nothing is about a signature that nobody logged.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "base/encoding.h"
#include "trust/sigstore/log_entry.h"
#include "trust/sigstore/merkle_tree.h"

using namespace kintsugi;
using namespace kintsugi::trust;

namespace {

/// The public key of a log of Sigstore's staging instance.
constexpr std::string_view kKey = "MCowBQYDK2VwAyEAPn+AREHoBaZ7wgS1zBqpxmLSGnyhxXj4lFxSdWVB8o8=";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string kDer = base64_decode(kKey).value();
  static const LogKey kLog{"id", "https://rekor.test", PublicKey::parse(kDer).value(), {}};
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  LogEntry entry;
  entry.log_id = "id";
  entry.integrated_time = WallTime(std::chrono::seconds(1));
  entry.signed_entry_timestamp = std::string(64, 's');
  entry.body = text;
  const std::string digest(32, 'd');
  LoggedSignature logged;
  logged.signature = "signature";
  logged.public_key = kDer;
  logged.message_digest = digest;
  logged.payload = logged.pre_authentication_encoding = "payload";
  const std::pair<const char*, const char*> kinds[] = {
      {"hashedrekord", "0.0.1"}, {"dsse", "0.0.1"}, {"intoto", "0.0.2"}, {"hashedrekord", "0.0.2"}};
  for (const auto& [kind, version] : kinds) {
    entry.kind = kind;
    entry.version = version;
    for (const auto content : {LoggedSignature::Content::kMessage, LoggedSignature::Content::kEnvelope}) {
      logged.content = content;
      if (verify_log_entry(entry, logged, {&kLog, 1})) std::abort();
    }
  }
  entry.signed_entry_timestamp.clear();
  entry.proof = InclusionProof{0, 1, leaf_hash(text), {}, std::string(text)};
  if (verify_log_entry(entry, logged, {&kLog, 1})) std::abort();
  return 0;
}
