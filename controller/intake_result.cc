// SPDX-License-Identifier: Apache-2.0
#include "controller/intake_result.h"

namespace kintsugi::controller {

std::string_view to_string(Disposition disposition) {
  static constexpr std::string_view kWords[kDispositionCount] = {
      "opened", "joined",       "duplicate",  "observed", "no-playbook", "no-target", "unprotected",
      "gone",   "uid-mismatch", "not-unique", "late",     "off",         "refused"};
  return kWords[std::size_t(disposition)];
}

}  // namespace kintsugi::controller
