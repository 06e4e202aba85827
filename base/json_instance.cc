// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

// Files that see the precompiled header (cmake/json_to_precompile.h) have only a declaration of this.
template class nlohmann::basic_json<>;
