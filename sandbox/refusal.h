// SPDX-License-Identifier: Apache-2.0
//
// Failures in the API's own shape, metav1.Status. Texts and codes were measured on kube-apiserver 1.34.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "sandbox/resources.h"

namespace kintsugi::sandbox {

/// Why a request was not done.
struct Refusal {
  int code = 500;
  std::string reason;
  std::string message;
  std::string cause = {};  ///< the reason in `details.causes`; empty: it has no causes
  std::string field = {};  ///< that the cause is about; may be empty

  /// The Status as JSON text.
  std::string to_json() const;
};

template <class T>
using Answer = tl::expected<T, Refusal>;

inline tl::unexpected<Refusal> refuse(Refusal refusal) {
  return tl::unexpected<Refusal>(std::move(refusal));
}

Refusal bad_request(std::string message);
Refusal not_found(const ResourceInfo& info, const std::string& name);
/// 409 Conflict of a precondition that does not hold.
Refusal conflict(const ResourceInfo& info, const std::string& name, const std::string& why);
/// 409 Conflict of a stale resourceVersion.
Refusal modified(const ResourceInfo& info, const std::string& name);
/// 422 with a cause, as validation makes it.
Refusal invalid(const ResourceInfo& info, const std::string& name, const std::string& field,
                const std::string& why);

}  // namespace kintsugi::sandbox
