// SPDX-License-Identifier: Apache-2.0
#include "host/control/control_server.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include "base/document.h"
#include "base/testing/scratch_directory.h"
#include "host/control/testing/memory_store.h"
#include "net/curl_transport.h"

namespace kintsugi::host {
namespace {

using nlohmann::json;

/// A server for one user in a directory of its own.
struct Server {
  ScratchDirectory directory;
  MemoryStore store;
  ManualClock clock;
  Logger log{clock, LogLevel::kError, [](std::string_view) {}};
  std::unique_ptr<ControlApi> api;
  std::unique_ptr<net::HttpServer> server;

  explicit Server(std::uint32_t own_uid) {
    api = std::make_unique<ControlApi>(
        ControlWorld{.store = store,
                     .playbooks = [] { return std::vector<std::string>{"isolate"}; },
                     .name_of_user = [](std::uint32_t) { return "somebody"; },
                     .clock = clock,
                     .own_uid = own_uid});
    auto started = start_control_server(path(), *api, log);
    REQUIRE(started);
    server = std::move(*started);
  }
  std::string path() const { return directory / "s"; }

  net::HttpResponse send(const std::string& method, const std::string& target, std::string body = "") const {
    net::HttpRequest request;
    request.method = method;
    request.url = "http://localhost" + target;
    request.body = std::move(body);
    request.headers.set("Content-Type", "application/json");
    const auto response = net::make_curl_transport({.unix_socket = path()})->send(request, {});
    if (!response) FAIL(response.error().to_string());
    return *response;
  }
};

const std::string kIncidents = "/apis/kintsugi.dev/v1alpha1/namespaces/host/incidents";

}  // namespace

TEST_CASE("the user of the process is answered over the socket") {
  const Server server(::geteuid());
  const auto response = server.send("GET", "/apis/kintsugi.dev/v1alpha1/namespaces/host/playbooks/isolate");
  CHECK(response.status == 200);
  CHECK(parse_json(response.body).value()["metadata"]["name"] == "isolate");
}

TEST_CASE("what the server itself refuses is a Status, too") {
  const Server server(::geteuid());
  const auto too_large = server.send("POST", kIncidents, std::string((1u << 20) + 1, 'x'));
  CHECK(too_large.status == 413);
  CHECK(parse_json(too_large.body).value()["reason"] == "RequestEntityTooLarge");
  const auto deep = server.send("POST", kIncidents, std::string(1000, '['));
  CHECK(deep.status == 400);
  CHECK(parse_json(deep.body).value()["kind"] == "Status");
}

TEST_CASE("a socket cannot be served twice, nor without a path") {
  Server server(::geteuid());
  const auto again = start_control_server(server.path(), *server.api, server.log);
  REQUIRE_FALSE(again);
  CHECK(again.error().code == ErrorCode::kUnavailable);
  const auto nowhere = start_control_server("", *server.api, server.log);
  REQUIRE_FALSE(nowhere);
  CHECK(nowhere.error().code == ErrorCode::kInvalidInput);
}

}  // namespace kintsugi::host
