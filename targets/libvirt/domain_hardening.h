// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pugixml.hpp>
#include <string>
#include <vector>

#include "model/hardening.h"

namespace kintsugi::targets {

/// Takes out of a definition what the list names, and appends to `remarks`, for people, what that was. Words
/// for pods are passed over. Network cards and disks stay.
void harden_domain(pugi::xml_node domain, const std::vector<Hardening>& list,
                   std::vector<std::string>& remarks);

}  // namespace kintsugi::targets
