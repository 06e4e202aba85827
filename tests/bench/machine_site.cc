// SPDX-License-Identifier: Apache-2.0
#include "machine_site.h"

#include <fmt/core.h>

#include <filesystem>
#include <stdexcept>
#include <thread>

#include "net/curl_transport.h"

namespace kintsugi::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 60s;
constexpr auto kGlance = 1ms;

constexpr char kRule[] = "Terminal shell in container";
constexpr char kPreservingRule[] = "Drop and execute new binary in container";

std::string playbook(const std::string& name, const std::string& rule, const std::string& collect) {
  return fmt::format(R"(
apiVersion: kintsugi.dev/v1alpha1
kind: Playbook
metadata: {{name: {}}}
spec:
  signals: [{{source: falco, rules: ["{}"]}}]
  mode: full
  steps:
    - contain: {{pause: true}}
{}    - redeploy: {{trustPolicy: golden}}
    - verify: {{readySeconds: 120, quietSeconds: 1}}
)",
                     name, rule, collect);
}

std::string policy_for(const std::string& lab) {
  return fmt::format(R"(
apiVersion: kintsugi.dev/v1alpha1
kind: TrustPolicy
metadata: {{name: golden}}
spec:
  images: ["file://{0}/images/**"]
  authorities: [{{key: {{file: {0}/cosign.pub}}}}]
)",
                     lab);
}

/// Whether a line of the log is about the incident and has the text.
bool says(const std::string& log, const std::string& incident, const std::string& text) {
  for (std::size_t at = 0; (at = log.find(text, at)) != std::string::npos; at += text.size()) {
    const std::size_t begin = log.rfind('\n', at) + 1;  // npos + 1 is the beginning
    if (log.substr(begin, at - begin).find(incident) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

MachineSite::MachineSite(const std::string& uri, const std::string& lab, const Clock& clock) : clock_(clock) {
  directory_.write("playbooks/at-once.yaml", playbook("at-once", kRule, ""));
  directory_.write("playbooks/preserving.yaml",
                   playbook("preserving", kPreservingRule, "    - collect: {}\n"));
  directory_.write("trust-policies/golden.yaml", policy_for(lab));
  std::filesystem::create_directory(directory_.path() + "/state");
  const std::string socket = directory_.path() + "/control.sock";
  support::ControllerOptions options;
  options.name_space = "host";
  options.directory = directory_.path();
  options.flags = {
      "--host",           "--libvirt-uri", uri, "--state", directory_.path() + "/state/kintsugi.db",
      "--control-socket", socket};
  process_ = std::make_unique<support::ControllerProcess>(options);
  process_->require_ready();
  net::CurlOptions person;
  person.unix_socket = socket;
  person_ = net::make_curl_transport(person);
}

void MachineSite::signal(const std::string& machine, Evidence evidence) {
  const auto answer =
      process_->post(fmt::format(R"({{"rule": "{}", "priority": "Critical", "output": "a shell", )"
                                 R"("output_fields": {{"container.id": "host", "kintsugi.domain": "{}"}}}})",
                                 evidence == Evidence::kKept ? kPreservingRule : kRule, machine));
  if (answer.status != 202 || answer.body.find("\"opened\"") == std::string::npos)
    throw std::runtime_error(fmt::format("the signal was answered {} {}", answer.status, answer.body));
}

void MachineSite::release(const std::string& incident) {
  net::HttpRequest request;
  request.method = "PATCH";
  request.url = "http://localhost/apis/kintsugi.dev/v1alpha1/namespaces/host/incidents/" + incident;
  request.headers.add("Content-Type", "application/json-patch+json");
  request.body = R"([{"op": "add", "path": "/spec/release", "value": )"
                 R"({"victim": "restore", "by": "bench", "reason": "drill"}}])";
  const auto answer = person_->send(request, {});
  if (!answer) throw std::runtime_error(answer.error().to_string());
  if (answer->status != 200)
    throw std::runtime_error(fmt::format("the release was answered {} {}", answer->status, answer->body));
}

MonotonicTime MachineSite::wait_said(const std::string& incident, const std::string& text) const {
  const MonotonicTime end = clock_.monotonic() + kPatience;
  for (;;) {
    const bool is_said = says(process_->log(), incident, text);
    const MonotonicTime now = clock_.monotonic();
    if (is_said) return now;
    if (now > end) {
      throw std::runtime_error(fmt::format("not said of {} within a minute: {}\n{}", incident, text,
                                           support::tail(process_->log(), 20)));
    }
    std::this_thread::sleep_for(kGlance);
  }
}

}  // namespace kintsugi::bench
