// SPDX-License-Identifier: Apache-2.0
#include "host/host_app.h"

#include <catch2/catch.hpp>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/document.h"
#include "base/testing/scratch_directory.h"
#include "host/domain_resolver.h"
#include "incidents/sqlite_store.h"
#include "net/curl_transport.h"

namespace kintsugi::host {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kPatience{20};
constexpr char kUuid[] = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0";
const std::string kIncident = incident_name({kDomainKind, kHostNamespace, "web1", kUuid}, 1);
const std::string kIncidents = "/apis/kintsugi.dev/v1alpha1/namespaces/host/incidents";
constexpr char kPlaybook[] = R"(
apiVersion: kintsugi.dev/v1alpha1
kind: Playbook
metadata: {name: shell}
spec:
  signals: [{source: falco, rules: ["*"]}]
)";
constexpr char kEvent[] =
    R"({"rule": "Terminal shell", "priority": "Critical", "output": "o",
        "output_fields": {"container.id": "host", "kintsugi.domain": "web1"}})";

/// The process's work in a thread, on a host where nobody listens on libvirt's socket.
class Host {
 public:
  explicit Host(const std::string& libvirt_uri = "") {
    scratch_.write("playbooks/shell.yaml", kPlaybook);
    settings_.playbooks_directory = scratch_ / "playbooks";
    settings_.signals_listen = settings_.metrics_listen = {"127.0.0.1", 0};
    settings_.allow_plain_signals = true;
    settings_.host.is_enabled = true;
    settings_.host.libvirt_uri =
        libvirt_uri.empty() ? "qemu+unix:///system?socket=" + scratch_ / "libvirt" : libvirt_uri;
    settings_.host.state_file = scratch_ / "kintsugi.db";
    settings_.host.control_socket = scratch_ / "control";
    keep_incident();
    thread_ = std::jthread([this](std::stop_token stop) {
      auto ended = run_host(settings_, clock_, log_, std::move(stop));
      const std::lock_guard lock(mutex_);
      ended_ = std::move(ended);
    });
  }
  ~Host() { stop(); }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  /// Ends it in order, and returns how it ended.
  std::optional<Result<void>> stop() {
    thread_ = {};
    const std::lock_guard lock(mutex_);
    return ended_;
  }
  std::optional<Result<void>> ended() {
    const std::lock_guard lock(mutex_);
    return ended_;
  }
  /// The member of the first line with this message; empty: it does not come.
  std::string logged(const std::string& message, const std::string& member) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < end && !ended()) {
      if (auto found = find(message)) return found->value(member, "");
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return "";
  }
  bool has_logged(const std::string& message) { return find(message).has_value(); }

  net::HttpResponse ask(net::HttpRequest request, const std::string& unix_socket = "") {
    const auto answer = net::make_curl_transport({.unix_socket = unix_socket})->send(request, {});
    if (!answer) FAIL(answer.error().to_string());
    return *answer;
  }
  net::HttpResponse control(const std::string& method, const std::string& target, std::string body = "") {
    net::HttpRequest request;
    request.method = method;
    request.url = "http://localhost" + target;
    request.body = std::move(body);
    request.headers.set("Content-Type",
                        method == "PATCH" ? "application/json-patch+json" : "application/json");
    return ask(request, settings_.host.control_socket);
  }

 private:
  void keep_incident() {
    const auto database = incidents::SqliteDatabase::open(settings_.host.state_file);
    REQUIRE(database);
    const auto store = incidents::SqliteIncidentStore::open(**database, clock_);
    REQUIRE(store);
    Incident incident;
    incident.name = kIncident;
    incident.name_space = kHostNamespace;
    incident.spec.target = {kDomainKind, kHostNamespace, "web1", kUuid};
    incident.spec.origin.source = "falco";
    incident.spec.origin.rule = "Terminal shell";
    incident.spec.origin.detected = incident.spec.origin.received = clock_.now();
    incident.spec.playbook = "shell";
    incident.spec.mode = Mode::kObserve;
    REQUIRE((*store)->create(incident, std::chrono::seconds(1)));
  }
  std::optional<json> find(const std::string& message) {
    const std::lock_guard lock(mutex_);
    for (const std::string& line : lines_) {
      const json entry = json::parse(line, nullptr, /*allow_exceptions=*/false);
      if (entry.is_object() && entry.value("message", "") == message) return entry;
    }
    return std::nullopt;
  }

  const ScratchDirectory scratch_;
  const SystemClock clock_;
  std::mutex mutex_;
  std::vector<std::string> lines_;
  std::optional<Result<void>> ended_;
  Logger log_{clock_, LogLevel::kInfo, [this](std::string_view line) {
                const std::lock_guard lock(mutex_);
                lines_.emplace_back(line);
              }};
  controller::Settings settings_;
  std::jthread thread_;
};

net::HttpRequest get(const std::string& address, const std::string& path) {
  net::HttpRequest request;
  request.url = "http://" + address + path;
  return request;
}

}  // namespace

TEST_CASE("while libvirt is away from the start, people see and decide incidents") {
  Host host;
  REQUIRE_FALSE(host.logged("Serving", "signals").empty());
  const auto listed = host.control("GET", kIncidents);
  REQUIRE(listed.status == 200);
  const json incidents = json::parse(listed.body)["items"];
  REQUIRE(incidents.size() == 1);
  CHECK(incidents[0]["metadata"]["name"] == kIncident);

  const auto held = host.control("PATCH", kIncidents + "/" + kIncident,
                                 R"([{"op": "add", "path": "/spec/hold", "value": true}])");
  INFO(held.body);
  CHECK(held.status == 200);
  CHECK(json::parse(host.control("GET", kIncidents + "/" + kIncident).body)["spec"]["hold"] == true);

  const auto domains = host.control("GET", "/apis/host.kintsugi.dev/v1/domains");
  CHECK(domains.status == 503);
  CHECK_FALSE(host.has_logged("Ready"));
  const auto ended = host.stop();
  REQUIRE(ended);
  CHECK(*ended);
}

TEST_CASE("while libvirt is away from the start, a signal is to be sent again, and readiness says why") {
  Host host;
  const std::string signals = host.logged("Serving", "signals");
  const std::string metrics = host.logged("Serving", "metrics");
  REQUIRE_FALSE(signals.empty());
  net::HttpRequest signal = get(signals, "/v1/signals/falco");
  signal.method = "POST";
  signal.headers.set("Content-Type", "application/json");
  signal.body = kEvent;
  const auto taken = host.ask(signal);
  CHECK(taken.status == 503);
  CHECK(*taken.headers.find("Retry-After") == "1");
  for (const std::string& address : {signals, metrics}) {
    CHECK(host.ask(get(address, "/healthz")).status == 200);
    const auto readiness = host.ask(get(address, "/readyz"));
    CHECK(readiness.status == 503);
    CHECK_THAT(readiness.body, Catch::Contains("libvirt cannot be reached"));
  }
  const std::string page = host.ask(get(metrics, "/metrics")).body;
  CHECK_THAT(page, Catch::Contains("kintsugi_signals_total{") && Catch::Contains("not-durable"));
  CHECK_THAT(page, Catch::Contains("kintsugi_incidents"));
}

TEST_CASE("readiness comes with the first look at the domains") {
  Host host("test:///default");
  const std::string metrics = host.logged("Ready", "metrics");
  REQUIRE_FALSE(metrics.empty());
  CHECK(host.ask(get(metrics, "/readyz")).status == 200);
  CHECK(host.control("GET", "/apis/host.kintsugi.dev/v1/domains").status == 200);
}

TEST_CASE("what waiting does not mend ends the process, although it serves") {
  Host host("qemu+no-such-transport:///system");
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!host.ended() && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const auto ended = host.ended();
  REQUIRE(ended);
  CHECK_FALSE(*ended);
  CHECK_FALSE(host.has_logged("Ready"));
}

}  // namespace kintsugi::host
