// SPDX-License-Identifier: Apache-2.0
#include "signals/alertmanager.h"

#include <catch2/catch.hpp>
#include <string>

#include "base/file.h"
#include "base/time.h"

using namespace kintsugi;
using signals::AlertmanagerDecoder;
using signals::Batch;

namespace {

const WallTime kReceived = parse_rfc3339("2026-11-21T09:58:05Z").value();

Result<Batch> decode(const std::string& body) {
  return AlertmanagerDecoder().decode(body, kReceived);
}

/// A body with alerts, and more members written as JSON with a leading comma.
std::string body(const std::string& alerts, const std::string& members = "") {
  return R"({"version": "4", "alerts": [)" + alerts + "]" + members + "}";
}

/// A firing alert with more labels and members, both with a leading comma.
std::string alert(const std::string& labels, const std::string& members = "") {
  return R"({"status": "firing", "labels": {"alertname": "a")" + labels +
         R"(}, "startsAt": "2026-11-21T09:58:00Z", "fingerprint": "f")" + members + "}";
}

Signal one(const std::string& text) {
  auto batch = decode(text);
  INFO(text.substr(0, 500));
  REQUIRE(batch);
  REQUIRE(batch->elements.size() == 1);
  REQUIRE(batch->elements[0]);
  return *batch->elements[0];
}

Signal labelled(const std::string& labels) {
  return one(body(alert(labels)));
}

bool names_nobody(const Signal& signal) {
  return signal.pod_name.empty() && signal.container_id.empty() && signal.domain_uuid.empty() &&
         signal.domain.empty() && signal.mac.empty() && signal.address.empty();
}

}  // namespace

TEST_CASE("Alertmanager: a body as its documentation has it") {
  const auto batch = decode(read_file("signals/testdata/alertmanager_v4.json", 1u << 20).value());
  REQUIRE(batch);
  CHECK(batch->is_list);
  REQUIRE(batch->elements.size() == 3);
  const Signal& pod = batch->elements[0].value();
  CHECK(pod.source == "alertmanager");
  CHECK(pod.rule == "ContainerDrift");
  CHECK(pod.severity == Severity::kCritical);
  CHECK(pod.time == parse_rfc3339("2026-11-21T09:57:45.828Z").value());
  CHECK(pod.received == kReceived);
  CHECK_FALSE(pod.time_was_clamped);
  CHECK(pod.id == "1a30ba71cca2921f-1795255065828000000");
  CHECK(pod.tags.empty());
  CHECK(pod.summary == "A program runs that is not in the image.");
  CHECK(pod.name_space == "shop");
  CHECK(pod.pod_name == "web-7d9c6b9f5b-x2x4z");
  CHECK(pod.container_name == "web");
  CHECK(pod.node == "node-1");
  CHECK(pod.address.empty());
  CHECK(batch->elements[1].error().reason == signals::kNothingToDo);
  const Signal& machine = batch->elements[2].value();
  CHECK(machine.severity == Severity::kError);
  CHECK(machine.address == "192.0.2.7");
  CHECK(machine.summary == "Something listens on port 4444 of 192.0.2.7:9100.");
}

TEST_CASE("Alertmanager: a severity in any case of letters, and any other word") {
  struct Case {
    std::string label;
    Severity severity;
  };
  const auto c = GENERATE(values<Case>({
      {R"(, "severity": "critical")", Severity::kCritical},
      {R"(, "severity": "page")", Severity::kCritical},
      {R"(, "severity": "Emergency")", Severity::kCritical},
      {R"(, "severity": "FATAL")", Severity::kCritical},
      {R"(, "severity": "error")", Severity::kError},
      {R"(, "severity": "major")", Severity::kError},
      {R"(, "severity": "high")", Severity::kError},
      {R"(, "severity": "warning")", Severity::kWarning},
      {R"(, "severity": "warn")", Severity::kWarning},
      {R"(, "severity": "minor")", Severity::kWarning},
      {R"(, "severity": "medium")", Severity::kWarning},
      {R"(, "severity": "info")", Severity::kInfo},
      {R"(, "severity": "informational")", Severity::kInfo},
      {R"(, "severity": "information")", Severity::kInfo},
      {R"(, "severity": "none")", Severity::kInfo},
      {R"(, "severity": "low")", Severity::kInfo},
      {R"(, "severity": "notice")", Severity::kInfo},
      {R"(, "severity": "P1")", Severity::kWarning},
      {R"(, "severity": "critical ")", Severity::kWarning},
      {R"(, "severity": "")", Severity::kWarning},
      {"", Severity::kWarning},
  }));
  INFO(c.label);
  CHECK(labelled(c.label).severity == c.severity);
}

TEST_CASE("Alertmanager: the pod that is the victim, not the one that was scraped") {
  struct Case {
    std::string labels, name_space, pod, container, node;
  };
  const auto c = GENERATE(values<Case>({
      {R"(, "namespace": "shop", "pod": "web-1", "container": "web", "node": "n")", "shop", "web-1", "web",
       "n"},
      {R"(, "namespace": "shop", "pod": "web-1", "instance": "10.0.0.1:80")", "shop", "web-1", "", ""},
      {R"(, "exported_namespace": "shop", "exported_pod": "web-1", "exported_container": "web",
          "namespace": "monitoring", "pod": "exporter-1", "container": "exporter", "node": "n")",
       "shop", "web-1", "web", ""},
      {R"(, "exported_namespace": "", "exported_pod": "", "namespace": "shop", "pod": "web-1")", "shop",
       "web-1", "", ""},
      {R"(, "exported_pod": "web-1", "namespace": "monitoring", "pod": "exporter-1")", "", "web-1", "", ""},
      {R"(, "k8s_ns_name": "shop", "k8s_pod_name": "web-1", "container_name": "web")", "shop", "web-1", "web",
       ""},
      {R"(, "k8s_ns_name": "shop", "k8s_pod_name": "web-1", "namespace": "falco", "pod": "falco-exporter-1")",
       "shop", "web-1", "", ""},
      {R"(, "k8s_ns_name": "b", "k8s_pod_name": "b-1", "exported_namespace": "a", "exported_pod": "a-1")",
       "a", "a-1", "", ""},
  }));
  INFO(c.labels);
  const Signal signal = labelled(c.labels);
  CHECK(signal.name_space == c.name_space);
  CHECK(signal.pod_name == c.pod);
  CHECK(signal.container_name == c.container);
  CHECK(signal.node == c.node);
  CHECK_FALSE(names_nobody(signal));
  CHECK(signal.address.empty());
}

TEST_CASE("Alertmanager: machines by their labels, in one form") {
  struct Case {
    std::string labels, uuid, domain, mac, address;
  };
  const std::string uuid = "6b1f0c2e-1a2b-4c3d-8e9f-0123456789ab";
  const auto c = GENERATE_REF(values<Case>({
      {R"(, "uuid": "6B1F0C2E-1A2B-4C3D-8E9F-0123456789AB")", uuid, "", "", ""},
      {R"(, "domain_uuid": "6b1f0c2e-1a2b-4c3d-8e9f-0123456789ab", "uuid": "GPU-1")", uuid, "", "", ""},
      {R"(, "domain": "db-1", "vm": "x")", "", "db-1", "", ""},
      {R"(, "vm": "db-1", "namespace": "monitoring")", "", "db-1", "", ""},
      {R"(, "mac": "52:54:00:AA:BB:CC")", "", "", "52:54:00:aa:bb:cc", ""},
      {R"(, "address": "::ffff:192.0.2.7", "instance": "192.0.2.9:9100")", "", "", "", "192.0.2.7"},
      {R"(, "domain": "db-1", "instance": "192.0.2.9:9177")", "", "db-1", "", ""},
      {R"(, "instance": "192.0.2.7:9100")", "", "", "", "192.0.2.7"},
      {R"(, "instance": "192.0.2.7")", "", "", "", "192.0.2.7"},
      {R"(, "instance": "[2001:DB8::7]:9100")", "", "", "", "2001:db8::7"},
      {R"(, "instance": "[2001:db8::7]")", "", "", "", "2001:db8::7"},
      {R"(, "instance": "2001:db8::7")", "", "", "", "2001:db8::7"},
      {R"(, "instance": "[::ffff:192.0.2.7]:9100")", "", "", "", "192.0.2.7"},
  }));
  INFO(c.labels);
  const Signal signal = labelled(c.labels);
  CHECK(signal.domain_uuid == c.uuid);
  CHECK(signal.domain == c.domain);
  CHECK(signal.mac == c.mac);
  CHECK(signal.address == c.address);
  CHECK(signal.pod_name.empty());
  CHECK(signal.name_space.empty());
}

TEST_CASE("Alertmanager: an alert that names nobody") {
  const std::string labels = GENERATE(
      as<std::string>(), "", R"(, "instance": "")", R"(, "instance": "db.example.com:9100")",
      R"(, "instance": "localhost:9090")", R"(, "instance": "127.0.0.1:9090")",
      R"(, "instance": "[::1]:9090")", R"(, "instance": "0.0.0.0")", R"(, "instance": "https://192.0.2.7")",
      R"(, "instance": "[2001:db8::7")", R"(, "instance": "[]:80")", R"(, "instance": ":9100")",
      R"(, "instance": "192.0.2.7:9100:1")", R"(, "instance": "192.0.2.7/24")", R"(, "node": "node-1")",
      R"(, "namespace": "shop", "container": "web")", R"(, "unknown": {"pod": ["x"]}, "Pod": 5)",
      R"(, "exported_namespace": "shop", "pod": "exporter-1", "namespace": "monitoring")",
      R"(, "exported_namespace": "shop", "instance": "192.0.2.7:9100")",
      R"(, "k8s_pod_name": "<NA>", "k8s_ns_name": "<NA>", "pod": "falco-exporter-1", "namespace": "falco")",
      R"(, "k8s_pod_name": "<NA>", "instance": "192.0.2.7:9376")");
  INFO(labels);
  CHECK(names_nobody(labelled(labels)));
}

TEST_CASE("Alertmanager: what falcosidekick sends has a rule, but no name of an alert") {
  CHECK(one(body(R"({"status": "firing", "labels": {"rule": "Terminal shell", "alertname": null}})")).rule ==
        "Terminal shell");
  CHECK(labelled(R"(, "rule": "other")").rule == "a");
}

TEST_CASE("Alertmanager: a new firing has a new id") {
  CHECK(labelled("").id == "f-1795255080000000000");
  CHECK(labelled(R"(, "pod": "b")").id == "f-1795255080000000000");
  const Signal unmarked = one(body(R"({"status": "firing", "labels": {"alertname": "a"}})"));
  CHECK(unmarked.id.size() == 32);
  CHECK_FALSE(unmarked.time_was_clamped);
  CHECK(unmarked.time == kReceived);
  CHECK(one(body(R"({"status": "firing", "labels": {"alertname": "a"}, "fingerprint": "f"})")).id !=
        unmarked.id);
}

TEST_CASE("Alertmanager: an alert that fires for days has the time of receipt, and what it claimed") {
  const Signal signal = one(body(alert("", R"(, "x": 1)")));
  CHECK_FALSE(signal.time_was_clamped);
  const Signal old = one(body(
      R"({"status": "firing", "labels": {"alertname": "a"}, "startsAt": "2026-11-18T09:58:00Z", "fingerprint": "f"})"));
  CHECK(old.time_was_clamped);
  CHECK(old.time == kReceived);
  CHECK(old.claimed == parse_rfc3339("2026-11-18T09:58:00Z").value());
}

TEST_CASE("Alertmanager: truncated alerts are told of in every summary") {
  const std::string annotated = alert("", R"(, "annotations": {"summary": "s", "description": "d"})");
  CHECK(one(body(annotated)).summary == "s");
  CHECK(one(body(annotated, R"(, "truncatedAlerts": null)")).summary == "s");
  CHECK(one(body(annotated, R"(, "truncatedAlerts": 0)")).summary == "s");
  CHECK(one(body(annotated, R"(, "truncatedAlerts": 7)")).summary == "[7 more alerts were truncated] s");
  const std::string text(2000, 't');
  const Signal cut = one(
      body(alert("", R"(, "annotations": {"description": ")" + text + "\"}"), R"(, "truncatedAlerts": 7)"));
  CHECK(cut.summary.size() == 1024);
  CHECK_THAT(cut.summary, Catch::StartsWith("[7 more alerts were truncated] ttt"));
}

TEST_CASE("Alertmanager: a resolved alert is nothing to do, whatever else it holds") {
  const auto batch =
      decode(body(R"({"status": "resolved"}, {"status": "resolved", "labels": 5}, )" + alert("")));
  REQUIRE(batch);
  CHECK(batch->is_list);
  REQUIRE(batch->elements.size() == 3);
  CHECK(batch->elements[0].error().reason == signals::kNothingToDo);
  CHECK(batch->elements[1].error().reason == signals::kNothingToDo);
  CHECK(batch->elements[1].error().object.empty());
  CHECK(batch->elements[2]);
  CHECK(decode(body(""))->elements.empty());
}

TEST_CASE("Alertmanager: a wrong alert is an error that names the field") {
  struct Case {
    std::string alert, expected;
  };
  const auto c = GENERATE(values<Case>({
      {"5", "expected an object, found number"},
      {"{}", "status: missing"},
      {R"({"status": "Firing", "labels": {"alertname": "a"}})",
       "status: 'Firing' is neither firing nor resolved"},
      {R"({"status": 1, "labels": {"alertname": "a"}})", "status: expected a string, found number"},
      {R"({"status": "firing"})", "labels.alertname: missing"},
      {R"({"status": "firing", "labels": []})", "labels: expected an object, found array"},
      {R"({"status": "firing", "labels": {"alertname": ""}})", "labels.alertname: missing"},
      {R"({"status": "firing", "labels": {"alertname": 5}})", "labels.alertname: expected a string"},
      {R"({"status": "firing", "labels": {"alertname": "a"}, "startsAt": "soon"})", "startsAt: 'soon' is no"},
      {R"({"status": "firing", "labels": {"alertname": "a"}, "startsAt": "0001-01-01T00:00:00Z"})",
       "startsAt: '0001-01-01T00:00:00Z' is no RFC 3339 time"},
      {R"({"status": "firing", "labels": {"alertname": "a"}, "startsAt": 1795255080})",
       "startsAt: expected a string, found number"},
      {R"({"status": "firing", "labels": {"alertname": "a"}, "fingerprint": 5})",
       "fingerprint: expected a string"},
      {R"({"status": "firing", "labels": {"alertname": "a"}, "fingerprint": "\n"})",
       "fingerprint: control character"},
      {R"({"status": "firing", "labels": {"alertname": "a"}, "annotations": "x"})",
       "annotations: expected an object, found string"},
      {R"({"status": "firing", "labels": {"alertname": "a"}, "annotations": {"summary": 5}})",
       "annotations.summary: expected a string, found number"},
      {alert(R"(, "severity": 5)"), "labels.severity: expected a string, found number"},
      {alert(R"(, "pod": "Web_1")"), "labels.pod: 'Web_1' is no Kubernetes name"},
      {alert(R"(, "pod": 5)"), "labels.pod: expected a string, found number"},
      {alert(R"(, "pod": "a", "namespace": "../x")"), "labels.namespace: '../x' is no Kubernetes name"},
      {alert(R"(, "pod": "a", "container": "\u0007")"), "labels.container: control character"},
      {alert(R"(, "exported_pod": "A", "pod": "a")"), "labels.exported_pod: 'A' is no Kubernetes name"},
      {alert(R"(, "k8s_pod_name": "A")"), "labels.k8s_pod_name: 'A' is no Kubernetes name"},
      {alert(R"(, "uuid": "GPU-1")"), "labels.uuid: 'GPU-1' is no UUID"},
      {alert(R"(, "domain_uuid": "x")"), "labels.domain_uuid: 'x' is no UUID"},
      {alert(R"(, "vm": "a\nb")"), "labels.vm: control character"},
      {alert(R"(, "mac": "x")"), "labels.mac: 'x' is no MAC address"},
      {alert(R"(, "address": "192.0.2.7:80")"), "labels.address: '192.0.2.7:80' is no IP address"},
      {alert(R"(, "address": "127.0.0.1")"), "labels.address: 127.0.0.1 is not the address"},
      {alert(R"(, "instance": {})"), "labels.instance: expected a string, found object"},
      {alert(R"(, "pod": "a", "namespace": "n", "domain": "db-1")"),
       "labels.domain: is about a machine, but 'pod' about a pod"},
      {alert(R"(, "exported_pod": "a", "address": "192.0.2.7")"),
       "labels.address: is about a machine, but 'exported_pod' about a pod"},
  }));
  INFO(c.alert.substr(0, 300));
  const auto batch = decode(body(alert("") + ", " + c.alert));
  REQUIRE(batch);
  REQUIRE(batch->elements.size() == 2);
  CHECK(batch->elements[0]);
  REQUIRE_FALSE(batch->elements[1]);
  CHECK(batch->elements[1].error().reason.empty());
  CHECK_THAT(batch->elements[1].error().to_string(), Catch::Contains(c.expected));
}

TEST_CASE("Alertmanager: JSON that is no such body is one wrong element") {
  struct Case {
    std::string body, expected;
  };
  const auto c = GENERATE(values<Case>({
      {"5", "expected an object, found number"},
      {"[]", "expected an object, found array"},
      {"{}", "version: missing"},
      {R"({"alerts": []})", "version: missing"},
      {R"({"version": 4, "alerts": []})", "version: expected a string, found number"},
      {R"({"version": "3", "alerts": []})", "version: '3' is not read, only '4'"},
      {R"({"version": "1", "status": "firing"})", "version: '1' is not read"},
      {R"({"version": "4"})", "alerts: missing"},
      {R"({"version": "4", "alerts": null})", "alerts: missing"},
      {R"({"version": "4", "alerts": {}})", "alerts: expected an array, found object"},
      {R"({"version": "4", "alerts": [], "truncatedAlerts": "7"})", "truncatedAlerts: expected a number"},
      {R"({"version": "4", "alerts": [], "truncatedAlerts": 1.5})",
       "truncatedAlerts: 1.5: not an exact integer"},
      {R"({"rule": "r", "priority": "Error"})", "version: missing"},
  }));
  INFO(c.body);
  const auto batch = decode(c.body);
  REQUIRE(batch);
  CHECK_FALSE(batch->is_list);
  REQUIRE(batch->elements.size() == 1);
  REQUIRE_FALSE(batch->elements[0]);
  CHECK_THAT(batch->elements[0].error().to_string(), Catch::Contains(c.expected));
}

TEST_CASE("Alertmanager: a body that is no strict JSON, or too large, is refused whole") {
  const std::string broken = GENERATE(as<std::string>(), "", "x", R"({"version": "4")",
                                      R"({"version": "4", "version": "4", "alerts": []})",
                                      R"({"version": "4", "alerts": [{"labels": {"pod": "a", "pod": "b"}}]})",
                                      "{\"version\": \"\xff\"}", R"({} {})");
  INFO(broken);
  CHECK(decode(broken).error().code == ErrorCode::kInvalidInput);

  std::string alerts = alert("");
  for (int i = 1; i < 1000; ++i) alerts += "," + alert("");
  CHECK(decode(body(alerts))->elements.size() == 1000);
  CHECK(decode(body(alerts + "," + alert(""))).error().code == ErrorCode::kTooLarge);
}
