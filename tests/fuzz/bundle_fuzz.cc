// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "trust/sigstore/bundle.h"
#include "trust/sigstore/image_signature.h"
#include "trust/sigstore/statement.h"

using namespace kintsugi;
using namespace kintsugi::trust;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto bundle = parse_bundle({reinterpret_cast<const char*>(data), size});
  if (!bundle) return 0;
  if (bundle->message.has_value() == bundle->envelope.has_value()) std::abort();
  if (bundle->signature().empty()) std::abort();
  const auto signature = signature_of_bundle(std::move(*bundle));
  if (signature) (void)claims_of(*signature);
  return 0;
}
