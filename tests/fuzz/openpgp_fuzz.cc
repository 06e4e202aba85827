// SPDX-License-Identifier: Apache-2.0
//
// Keys and signatures of OpenPGP: no crash, and nothing that was made up is a good signature. The first byte
// says what the rest is.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "trust/openpgp/packet.h"
#include "trust/openpgp/signature.h"
#include "trust/openpgp/signer_key.h"

using namespace kintsugi;
using namespace kintsugi::trust::openpgp;

namespace {

const WallTime kNow{std::chrono::seconds(1'770'000'000)};

void read_signatures(std::string_view file) {
  const auto signatures = parse_signatures(file);
  if (!signatures) return;
  if (signatures->empty() || signatures->size() > kMaxSignatures) std::abort();
  for (const FoundSignature& one : *signatures) {
    if (!one) continue;
    if (one->suffix.size() < 12 || one->integers.size() > 2) std::abort();
    static_cast<void>(check_time(*one, kNow));
  }
}

/// A file of a key with a signature behind it, so that both are what the other is asked about.
void read_key(std::string_view file) {
  const auto key = SignerKey::parse(file);
  if (!key) return;
  if (!key->id().starts_with("openpgp:") || key->id().size() != 48) std::abort();
  const auto bytes = unarmor(file, "PUBLIC KEY BLOCK");
  if (!bytes) std::abort();
  const auto packets = parse_packets(*bytes);
  if (!packets) std::abort();
  for (const Packet& packet : *packets) {
    if (packet.tag != Tag::kSignature) continue;
    const auto signature = parse_signature(packet.body);
    // Whoever holds no private key has signed nothing that anybody ever asked about.
    if (signature && key->verify("kintsugi fuzz", *signature, kNow)) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] == 'k') {
    read_key(rest);
  } else {
    read_signatures(rest);
  }
  return 0;
}
