// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "signals/decoder.h"

namespace kintsugi {

/// What holds for every decoder of signals, whatever it is given: each Signal holds its promises, and each
/// error can be shown. Aborts where it does not; always 0, for LLVMFuzzerTestOneInput.
int check_decoder(const signals::Decoder& decoder, const std::uint8_t* data, std::size_t size);

}  // namespace kintsugi
