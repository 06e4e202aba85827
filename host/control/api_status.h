// SPDX-License-Identifier: Apache-2.0
//
// Answers in the Kubernetes API's own shape: objects as JSON, failures as metav1.Status, with the codes that
// a kube-apiserver has for them.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <tl/expected.hpp>

#include "base/error.h"
#include "net/http.h"

namespace kintsugi::host {

/// Why a request was not done.
struct Refusal {
  int code = 500;
  std::string reason;       ///< the Status' word: "NotFound"
  std::string message;      ///< for people
  std::string cause = {};   ///< the reason in `details.causes`; empty: it has no causes
  std::string field = {};   ///< that the cause is about; may be empty
  bool may_repeat = false;  ///< nothing was done, and it may be sent again soon
};

template <class T>
using Answer = tl::expected<T, Refusal>;

inline tl::unexpected<Refusal> refuse(Refusal refusal) {
  return tl::unexpected<Refusal>(std::move(refusal));
}

Refusal bad_request(std::string message);
Refusal forbidden(std::string message);
/// `what` is "incidents.kintsugi.dev \"inc-1\"".
Refusal not_found(const std::string& what);
/// A path that nothing is at.
Refusal not_served();
Refusal method_not_allowed(std::string message);
Refusal modified(const std::string& what);
/// 422 with a cause, as validation makes it.
Refusal invalid(const std::string& what, const std::string& field, const std::string& why);
/// 422 without one: a `test` of a patch failed, or a path was missing. Clients tell it by that.
Refusal failed_patch_test();
/// What became of a call to a store or the hypervisor.
Refusal refusal_of(const Error& error, const std::string& what);

/// `incidents.kintsugi.dev "inc-1"`, escaped.
std::string describe(const std::string& resource, const std::string& name);

net::HttpResponse respond(int status, const nlohmann::json& body);
net::HttpResponse respond(const Refusal& refusal);
/// The Status of a success, as a deletion is answered with.
net::HttpResponse respond_success();

}  // namespace kintsugi::host
