// SPDX-License-Identifier: Apache-2.0
#include "signals/generic.h"
#include "tests/fuzz/check_decoder.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return kintsugi::check_decoder(kintsugi::signals::GenericDecoder(), data, size);
}
