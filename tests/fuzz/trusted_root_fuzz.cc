// SPDX-License-Identifier: Apache-2.0
//
// trusted_root.json: no crash, and a root that is read has what the rest relies on.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "trust/sigstore/trusted_root.h"

using namespace kintsugi::trust;

namespace {

void check_logs(const std::vector<LogKey>& logs) {
  if (logs.size() > 64) std::abort();
  for (const LogKey& log : logs) {
    if (log.id.size() != 32 || !log.valid_for.start) std::abort();
  }
}

void check_authorities(const std::vector<CertificateAuthority>& authorities) {
  if (authorities.size() > 64) std::abort();
  for (const CertificateAuthority& authority : authorities) {
    if (authority.chain.empty() || authority.chain.size() > kMaxChainLength) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto root = parse_trusted_root({reinterpret_cast<const char*>(data), size});
  if (!root) return 0;
  check_logs(root->logs);
  check_logs(root->certificate_logs);
  check_authorities(root->certificate_authorities);
  check_authorities(root->timestamp_authorities);
  return 0;
}
