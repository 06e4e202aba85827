// SPDX-License-Identifier: Apache-2.0
//
// Texts that an API server would send, for tests.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "k8s-client/core/api_error.h"

namespace kintsugi::k8s::testing {

inline std::string pod(std::string_view name, std::string_view version, std::string_view uid = "",
                       std::string_view phase = "Running") {
  const std::string id(uid.empty() ? name : uid);
  return R"({"metadata":{"name":")" + std::string(name) + R"(","namespace":"shop","uid":")" + id +
         R"(","resourceVersion":")" + std::string(version) + R"("},"status":{"phase":")" +
         std::string(phase) + R"("}})";
}

inline std::string page(std::string_view version, const std::vector<std::string>& items,
                        std::string_view continue_token = "") {
  std::string text = R"({"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":")" +
                     std::string(version) + R"(","continue":")" + std::string(continue_token) +
                     R"("},"items":[)";
  for (const auto& item : items) text += (text.back() == '[' ? "" : ",") + item;
  return text + "]}";
}

inline std::string event(std::string_view type, std::string_view object) {
  return R"({"type":")" + std::string(type) + R"(","object":)" + std::string(object) + "}\n";
}

inline std::string bookmark(std::string_view version) {
  return event("BOOKMARK", R"({"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":")" +
                               std::string(version) + R"("}})");
}

inline std::string status(int code, std::string_view reason, std::string_view cause = "") {
  std::string text = R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","reason":")" +
                     std::string(reason) + R"(","code":)" + std::to_string(code);
  if (!cause.empty()) text += R"(,"details":{"causes":[{"reason":")" + std::string(cause) + R"("}]})";
  return text + "}";
}

/// The error that a client makes of such a Status.
inline ApiError refusal(int code, std::string_view reason, std::string_view cause = "") {
  net::HttpResponse response;
  response.status = code;
  response.body = status(code, reason, cause);
  return decode_api_error(response, "pods");
}

inline ApiError lost_connection() {
  return transport_error(make_error(ErrorCode::kUnavailable, "connection reset"), "pods");
}

}  // namespace kintsugi::k8s::testing
