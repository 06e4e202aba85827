// SPDX-License-Identifier: Apache-2.0
#include "controller/responses.h"

#include <utility>

#include "signals/problem_details.h"

namespace kintsugi::controller {

net::HttpResponse response_with(int status, const std::string& type, std::string body) {
  net::HttpResponse response;
  response.status = status;
  response.headers.set("Content-Type", type);
  response.body = std::move(body);
  return response;
}

net::HttpResponse problem_response(int status, std::string title, std::string detail) {
  return response_with(status, "application/problem+json",
                       signals::to_json({status, std::move(title), std::move(detail), ""}));
}

}  // namespace kintsugi::controller
