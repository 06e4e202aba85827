// SPDX-License-Identifier: Apache-2.0
#include "base/version.h"

namespace kintsugi {

std::string_view version() {
  return KINTSUGI_VERSION;
}

}  // namespace kintsugi
