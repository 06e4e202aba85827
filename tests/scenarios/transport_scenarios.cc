// SPDX-License-Identifier: Apache-2.0
//
// Senders that take what a server has: time, connections, memory; after each of them a good event works. And
// an API server that takes its time.
#include <sys/resource.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "base/file.h"
#include "checks.h"
#include "net/curl_transport.h"
#include "net/testing/raw_socket.h"
#include "tests/faults/proxy.h"

namespace kintsugi::scenarios {

using net::RawConnection;
using nlohmann::json;
using namespace std::chrono_literals;

namespace {

/// What a controller may take for all the connections that it permits. The sanitizers keep what is freed.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t kRoomKib = 512u << 10;
#else
constexpr std::size_t kRoomKib = 64u << 10;
#endif

const std::string kHead = "POST /v1/signals/falco HTTP/1.1\r\nHost: a\r\n";

std::uint16_t signals_port(Scenario& scenario) {
  const std::string url = scenario.controller().signals_url();
  return std::uint16_t(std::stoi(url.substr(url.rfind(':') + 1)));
}

std::size_t resident_kib(Scenario& scenario) {
  std::ifstream status("/proc/" + std::to_string(scenario.controller().id()) + "/status");
  for (std::string word; status >> word;) {
    std::size_t kib = 0;
    if (word == "VmRSS:" && status >> kib) return kib;
  }
  FAIL("the controller's memory cannot be read");
  return 0;
}

/// An answer with a problem, or what comes until the connection ends or `patience` is over.
std::string read_answer(RawConnection& connection, std::chrono::seconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::string text;
  while (text.find('}') == std::string::npos && std::chrono::steady_clock::now() < deadline) {
    const auto asked = std::chrono::steady_clock::now();
    const std::string more = connection.read_some();
    const bool has_ended = more.empty() && std::chrono::steady_clock::now() - asked < 4s;
    if (has_ended) break;  // otherwise it only was silent for the patience of a read
    text += more;
  }
  return text;
}

void check_problem(const std::string& answer, int status) {
  INFO(answer);
  CHECK(answer.starts_with("HTTP/1.1 " + std::to_string(status) + " "));
  CHECK(answer.find("Content-Type: application/problem+json\r\n") != std::string::npos);
  const std::size_t body = answer.find("\r\n\r\n");
  REQUIRE(body != std::string::npos);
  CHECK(json::parse(answer.substr(body + 4), nullptr, false).value("status", 0) == status);
}

/// A good event about a pod opens an incident, and the pod is isolated.
void check_works(Scenario& scenario) {
  const std::string incident = scenario.breach(scenario.pods_of("web").at(0));
  scenario.eventually_condition(incident, "Contained", "True");
}

/// This process and the controllers that it starts may have many connections.
void allow_descriptors(rlim_t count) {
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  if (limit.rlim_cur >= count) return;
  limit.rlim_cur = std::min<rlim_t>(count, limit.rlim_max);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

net::HttpResponse post(ControllerProcess& life, const std::string& token, const std::string& event) {
  net::HttpRequest request;
  request.method = "POST";
  request.url = life.signals_url() + "/v1/signals/falco";
  request.headers.set("Content-Type", "application/json");
  request.headers.set("Authorization", "Bearer " + token);
  request.body = event;
  const auto answer = net::make_curl_transport({})->send(request, {});
  REQUIRE(answer);
  return *answer;
}

std::string incident_in(const net::HttpResponse& answer) {
  REQUIRE(answer.status == 202);
  return json::parse(answer.body)["results"][0]["incident"];
}

}  // namespace

TEST_CASE("32a: who sends too slowly is ended with a reason, and others do not wait", "[scenario]") {
  Scenario scenario;
  scenario.open_shop();
  scenario.start();
  RawConnection slow_head = RawConnection::open(signals_port(scenario));
  RawConnection slow_body = RawConnection::open(signals_port(scenario));
  REQUIRE(slow_head.send(kHead));
  REQUIRE(slow_body.send(kHead + "Content-Length: 100000\r\n\r\n{"));
  std::jthread dripping([&](std::stop_token stop) {
    while (!stop.stop_requested() && slow_body.send(" ")) std::this_thread::sleep_for(200ms);
  });
  check_works(scenario);
  check_problem(read_answer(slow_head, 15s), 408);
  check_problem(read_answer(slow_body, 40s), 408);
  dripping.request_stop();
  dripping.join();
  check_works(scenario);
}

TEST_CASE("an API server that is slow to take repeats delays no reload of tokens", "[scenario]") {
  Scenario scenario;
  scenario.open_shop();
  const std::string tokens = scenario.directory() + "/tokens";
  const std::string first(40, 'a');
  const std::string second(40, 'b');
  REQUIRE(write_file_durably(tokens, "falco " + first + "\n"));
  PlaybookText playbook;
  playbook.mode = "observe";
  playbook.verify = "{quietSeconds: 600}";
  scenario.write_playbook(playbook);
  scenario.proxy().begin();
  ControllerProcess& life = scenario.start(false, {"--signals-token-file", tokens});
  auto pods = scenario.pods_of("web");
  pods.push_back(scenario.pods_of("neighbour").at(0));
  for (const json& pod : pods) {
    const std::string name = incident_in(post(life, first, falco_event(pod).dump()));
    scenario.eventually_condition(name, "Contained", "False", "ObserveOnly");
  }
  faults::Rule slow;
  slow.fault.delay = 60s;
  slow.method = "GET";
  slow.path_part = "/incidents/";
  scenario.proxy().begin({slow});
  for (const json& pod : pods) REQUIRE(post(life, first, falco_event(pod).dump()).status == 202);
  std::this_thread::sleep_for(4s);  // they are being written now, and each has a patience of its own

  REQUIRE(write_file_durably(tokens, "falco " + second + "\n"));

  scenario.eventually(
      "the new token is in force",
      [&] { return post(life, second, falco_event(pods.at(0)).dump()).status == 202; }, 12s);
}

TEST_CASE("32b: more idle connections than there are places lock no good sender out", "[scenario]") {
  constexpr int kIdle = 1200;
  allow_descriptors(8192);
  Scenario scenario;
  scenario.open_shop();
  scenario.start();
  const std::uint16_t port = signals_port(scenario);
  const std::size_t before = resident_kib(scenario);
  std::vector<RawConnection> idle;
  for (int i = 0; i < kIdle; ++i) {
    idle.push_back(RawConnection::open_from(std::uint8_t(2 + i % 5), port));
    REQUIRE(idle.back().is_open());
    if (i % 2 == 0) idle.back().send("POST /v1/sig");
  }
  check_works(scenario);
  const std::size_t held = resident_kib(scenario);
  INFO(before << " KiB before, " << held << " KiB with " << kIdle << " idle connections");
  CHECK(held < before + kRoomKib);
  idle.clear();
  check_works(scenario);
}

TEST_CASE("32c: a body of ten megabytes is refused unread", "[scenario]") {
  Scenario scenario;
  scenario.open_shop();
  scenario.start();
  const std::uint16_t port = signals_port(scenario);
  const std::size_t before = resident_kib(scenario);
  const std::string body(10'000'000, 'x');
  std::vector<std::jthread> senders;
  std::vector<std::string> answers(16);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    senders.emplace_back([&, i] {
      RawConnection sender = RawConnection::open(port);
      const std::string length = std::to_string(body.size());
      if (i % 2 == 0) {
        sender.send(kHead + "Content-Length: " + length + "\r\n\r\n" + body);
      } else {
        sender.send(kHead + "Transfer-Encoding: chunked\r\n\r\n989680\r\n" + body + "\r\n0\r\n\r\n");
      }
      answers[i] = read_answer(sender, 10s);
    });
  }
  senders.clear();
  for (const std::string& answer : answers) check_problem(answer, 413);
  const std::size_t after = resident_kib(scenario);
  INFO(before << " KiB before, " << after << " KiB after");
  CHECK(after < before + (64u << 10));
  check_works(scenario);
}

}  // namespace kintsugi::scenarios
