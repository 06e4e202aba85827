// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tl/expected.hpp>
#include <utility>

#include "base/error.h"

namespace kintsugi {

/// A value or an Error. Never ignored: clang-tidy (bugprone-unused-return-value) refuses a dropped one.
template <class T>
using Result = tl::expected<T, Error>;

/// Makes the error side of a Result: `return fail(ErrorCode::kNotFound, "no such pod");`.
inline tl::unexpected<Error> fail(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(make_error(code, std::move(message)));
}

inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace kintsugi
