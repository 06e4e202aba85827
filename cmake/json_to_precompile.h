// SPDX-License-Identifier: Apache-2.0
#pragma once

// The literal ""_json calls nlohmann's parser, which g++ then instantiates in each file that sees this, used
// or not: 0.6 s. Here its body belongs to a template that nobody instantiates; the linker refuses whoever
// uses the literal.
#define _json(text, size) \
  _json(text, size);      \
  template <typename>     \
  inline nlohmann::json json_literal(text, size)
#include <nlohmann/json.hpp>
#undef _json

// The class is compiled once, in base/json_instance.cc: else each file that uses it compiles its own copy.
extern template class nlohmann::basic_json<>;
