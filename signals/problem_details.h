// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/error.h"

namespace kintsugi::signals {

/// The body of an HTTP error answer, media type application/problem+json (RFC 9457).
struct ProblemDetails {
  int status = 500;
  std::string title;   ///< the same for each problem of this kind
  std::string detail;  ///< this one; safe to show
  std::string
      field;  ///< extension member: where in the body, `[3].output_fields["k8s.pod.name"]`; may be empty
};

/// One JSON object. `type` is "about:blank": the status says what kind of problem it is.
std::string to_json(const ProblemDetails& problem);

/// What a Decoder's error means to the sender: 413 over a limit, 400 for what is no strict JSON or holds a
/// number that cannot be read exactly, 422 for JSON that is no such event. `element` is the position in a
/// list; errors about the whole body have none.
ProblemDetails describe_body_error(const Error& error);
ProblemDetails describe_element_error(const Error& error, std::optional<std::size_t> element);

}  // namespace kintsugi::signals
