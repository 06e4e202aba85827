// SPDX-License-Identifier: Apache-2.0
//
// Failures in the API's own shape, metav1.Status. Texts and codes were measured on kube-apiserver 1.34.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "sandbox/resources.h"

namespace kintsugi::sandbox {

/// One entry of `details.causes`.
struct Cause {
  std::string reason;
  std::string message;
  std::string field;
};

/// Why a request was not done.
struct Refusal {
  struct Details {
    std::string name;
    std::string group;
    std::string kind;
    std::vector<Cause> causes;
    int retry_after_seconds = 0;
  };

  int code = 500;
  std::string reason;  ///< empty for the errors that the API server does not classify
  std::string message;
  std::optional<Details> details;

  /// The Status as JSON text.
  std::string to_json() const;
};

template <class T>
using Answer = tl::expected<T, Refusal>;

inline tl::unexpected<Refusal> refuse(Refusal refusal) {
  return tl::unexpected<Refusal>(std::move(refusal));
}

Refusal not_found(const ResourceInfo& info, const std::string& name);
Refusal already_exists(const ResourceInfo& info, const std::string& name);
/// 409 Conflict; `message` follows "Operation cannot be fulfilled on …: ".
Refusal conflict(const ResourceInfo& info, const std::string& name, std::string_view message);
/// 409 Conflict of a stale resourceVersion.
Refusal modified(const ResourceInfo& info, const std::string& name);
/// 422 with causes, as validation makes it.
Refusal invalid(const ResourceInfo& info, const std::string& name, Cause cause);
/// 422 without causes: a JSON Patch that could not be applied.
Refusal patch_failed();
Refusal bad_request(std::string message);
Refusal unsupported_media_type(std::string message);
Refusal unknown_path();
Refusal method_not_allowed();
Refusal namespace_terminating(const ResourceInfo& info, const std::string& name,
                              const std::string& name_space);
/// 410 Expired.
Refusal expired(std::string message);
/// 504 with the cause ResourceVersionTooLarge.
Refusal version_too_large(std::uint64_t asked, std::uint64_t current);
/// An error without a reason, code 500.
Refusal unclassified(std::string message);

}  // namespace kintsugi::sandbox
