// SPDX-License-Identifier: Apache-2.0
#include "intake_load.h"

#include <atomic>
#include <nlohmann/json.hpp>
#include <thread>

#include "net/testing/raw_socket.h"
#include "tests/support/objects.h"
#include "tests/support/parallel.h"

namespace kintsugi::bench {
namespace {

using nlohmann::json;
using Steady = std::chrono::steady_clock;

constexpr int kMaxTries = 20;
constexpr std::chrono::milliseconds kSendAgain{50};

std::string post_of(const std::string& authority, const std::string& body) {
  return "POST /v1/signals/falco HTTP/1.1\r\nHost: " + authority +
         "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

/// Whether `answer` has its head and as much of a body as the head says.
bool is_complete(const std::string& answer) {
  const std::size_t end = answer.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  const std::size_t length = answer.find("Content-Length: ");
  return length < end && answer.size() >= end + 4 + std::strtoul(answer.c_str() + length + 16, nullptr, 10);
}

std::string exchange(net::RawConnection& connection, const std::string& request) {
  std::string answer;
  if (!connection.send(request)) return answer;
  while (!is_complete(answer)) {
    const std::string more = connection.read_some();
    if (more.empty()) return {};
    answer += more;
  }
  return answer;
}

}  // namespace

std::string event_about(const Victim& victim, const std::string& rule) {
  json event = support::falco_event(victim.pod);
  event["rule"] = rule;
  return event.dump();
}

Taken send_signal(support::ControllerProcess& controller, const Victim& victim, const std::string& rule) {
  const std::string event = event_about(victim, rule);
  Taken taken;
  for (int tries = 0; tries < kMaxTries; ++tries) {
    const auto answer = controller.try_post(event);
    if (!answer) {
      taken.problem = answer.error().to_string();
      return taken;
    }
    const json body = json::parse(answer->body, nullptr, /*allow_exceptions=*/false);
    if (answer->status == 202) {
      const json& result = body.at("results").at(0);
      taken.result = result.value("result", "");
      taken.incident = result.value("incident", "");
      return taken;
    }
    taken.problem = std::to_string(answer->status) + " " + answer->body;
    if (answer->status != 429 && answer->status != 503) return taken;
    std::this_thread::sleep_for(kSendAgain);
  }
  return taken;
}

Flood flood(const std::string& signals_url, const std::string& event, const std::string& expected,
            std::size_t connections, std::chrono::nanoseconds time) {
  const std::string authority = signals_url.substr(signals_url.find("//") + 2);
  const auto port = std::uint16_t(std::stoul(authority.substr(authority.rfind(':') + 1)));
  const std::string request = post_of(authority, event);
  const std::string word = "\"result\":\"" + expected + "\"";
  std::atomic<std::size_t> accepted{0};
  std::atomic<std::size_t> others{0};
  const auto start = Steady::now();
  support::in_parallel(connections, connections, [&](std::size_t) {
    auto connection = net::RawConnection::open(port);
    while (Steady::now() - start < time) {
      const std::string answer = exchange(connection, request);
      const bool good = answer.starts_with("HTTP/1.1 202 ") && answer.find(word) != std::string::npos;
      ++(good ? accepted : others);
      if (answer.empty()) return;
    }
  });
  return {accepted, others, Steady::now() - start};
}

}  // namespace kintsugi::bench
