// SPDX-License-Identifier: Apache-2.0
#include "cli/lent_transport.h"

#include <utility>

namespace kintsugi::cli {

LentTransport::LentTransport(net::HttpTransport& to) : to_(to) {}

Result<net::HttpResponse> LentTransport::send(const net::HttpRequest& request, std::stop_token stop) {
  return to_.send(request, std::move(stop));
}

Result<net::HttpResponse> LentTransport::stream(const net::HttpRequest& request, std::stop_token stop,
                                                const net::ResponseSink& on_head,
                                                const net::BodySink& on_body) {
  return to_.stream(request, std::move(stop), on_head, on_body);
}

}  // namespace kintsugi::cli
