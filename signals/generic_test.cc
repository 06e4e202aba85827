// SPDX-License-Identifier: Apache-2.0
#include "signals/generic.h"

#include <catch2/catch.hpp>
#include <string>

#include "base/file.h"
#include "base/time.h"

using namespace kintsugi;
using signals::Batch;
using signals::GenericDecoder;

namespace {

const WallTime kReceived = parse_rfc3339("2026-11-21T09:58:05Z").value();

std::string testdata(const std::string& name) {
  return read_file("signals/testdata/" + name, 1u << 20).value();
}

Result<Batch> decode(const std::string& body) {
  return GenericDecoder().decode(body, kReceived);
}

Signal one(const std::string& body) {
  auto batch = decode(body);
  INFO(body.substr(0, 500));
  REQUIRE(batch);
  REQUIRE(batch->elements.size() == 1);
  REQUIRE(batch->elements[0]);
  return *batch->elements[0];
}

/// An event with more members, written as JSON with a leading comma.
std::string event(const std::string& members) {
  return R"({"rule": "r", "severity": "error")" + members + "}";
}

std::string target(const std::string& members) {
  return event(R"(, "target": {)" + members + "}");
}

}  // namespace

TEST_CASE("Generic: an event about a pod") {
  const Signal signal = one(testdata("generic_pod.json"));
  CHECK(signal.source == "generic");
  CHECK(signal.rule == "Secret honeytoken used");
  CHECK(signal.severity == Severity::kCritical);
  CHECK(signal.time == parse_rfc3339("2026-11-21T09:58:00.25Z").value());
  CHECK(signal.received == kReceived);
  CHECK_FALSE(signal.time_was_clamped);
  CHECK(signal.compromise_start == parse_rfc3339("2026-11-21T09:41:12Z").value());
  CHECK(signal.id == "honeytoken-4711");
  CHECK(signal.tags == std::vector<std::string>{"honeytoken", "T1552"});
  CHECK_THAT(signal.summary, Catch::StartsWith("key AKIA…7Q was used"));
  CHECK(signal.name_space == "shop");
  CHECK(signal.pod_name == "web-7d9c6b9f5b-x2x4z");
  CHECK(signal.pod_uid == "9d6ff7f2-9b2c-4d9f-8b0e-0f0f4f1a2b3c");
  CHECK(signal.container_id == "3ad7b26ded6d8e7b23da7d48fe889434573036c27ae5a74837233de441c3601e");
  CHECK(signal.node == "node-1");
  CHECK_FALSE(signal.on_host);
}

TEST_CASE("Generic: events about machines name them in one form") {
  const auto batch = decode(testdata("generic_machine.json"));
  REQUIRE(batch);
  CHECK(batch->is_list);
  REQUIRE(batch->elements.size() == 2);
  const Signal& first = batch->elements[0].value();
  CHECK(first.domain_uuid == "6b1f0c2e-1a2b-4c3d-8e9f-0123456789ab");
  CHECK(first.domain == "shop-db-1");
  CHECK(first.mac == "52:54:00:aa:bb:cc");
  CHECK(first.address == "2001:db8::7");
  CHECK(batch->elements[1]->address == "192.0.2.7");
  CHECK(batch->elements[1]->id != first.id);
}

TEST_CASE("Generic: a severity in any case of letters") {
  struct Case {
    std::string severity;
    Severity expected;
  };
  const auto c = GENERATE(values<Case>({{"critical", Severity::kCritical},
                                        {"ERROR", Severity::kError},
                                        {"Warning", Severity::kWarning},
                                        {"info", Severity::kInfo}}));
  CHECK(one(R"({"rule": "r", "severity": ")" + c.severity + "\"}").severity == c.expected);
}

TEST_CASE("Generic: an event without a target is one, and without a time is of now") {
  const std::string body =
      GENERATE(as<std::string>(), event(""), event(R"(, "target": {})"), event(R"(, "target": null)"),
               event(R"(, "target": "")"), target(R"("pod": null, "uuid": "", "mac": "<NA>")"));
  const Signal signal = one(body);
  CHECK(signal.pod_name.empty());
  CHECK(signal.domain_uuid.empty());
  CHECK(signal.time == kReceived);
  CHECK_FALSE(signal.time_was_clamped);  // no clock is wrong
  CHECK_FALSE(signal.claimed);
  CHECK_FALSE(signal.compromise_start);
  CHECK(signal.id.size() == 32);
}

TEST_CASE("Generic: an absent member of one family leaves the other") {
  CHECK(one(target(R"("namespace": "shop", "pod": "a", "uuid": null)")).pod_name == "a");
  CHECK(one(target(R"("namespace": "", "domain": "a")")).domain == "a");
  CHECK(one(target(R"("containerID": "3ad7b26ded6d")")).container_id == "3ad7b26ded6d");
}

TEST_CASE("Generic: the id tells victims and times apart") {
  const std::string id = one(event(R"(, "time": "2026-11-21T09:58:00Z", "target": {"domain": "a"})")).id;
  CHECK(one(event(R"(, "time": "2026-11-21T09:58:00Z", "target": {"domain": "a"}, "summary": "s")")).id ==
        id);
  CHECK(one(event(R"(, "time": "2026-11-21T09:58:01Z", "target": {"domain": "a"})")).id != id);
  CHECK(one(event(R"(, "time": "2026-11-21T09:58:00Z", "target": {"domain": "b"})")).id != id);
  CHECK(one(event(R"(, "time": "2026-11-21T09:58:00Z", "target": {"pod": "a"})")).id != id);
}

TEST_CASE("Generic: a wrong element is an error that names the field") {
  struct Case {
    std::string body, expected;
  };
  const auto c = GENERATE(values<Case>({
      {"5", "expected an object, found number"},
      {"null", "expected an object, found null"},
      {"{}", "rule: missing"},
      {R"({"severity": "error"})", "rule: missing"},
      {R"({"rule": "", "severity": "error"})", "rule: missing"},
      {R"({"rule": ["r"], "severity": "error"})", "rule: expected a string, found array"},
      {R"({"rule": "r"})", "severity: missing"},
      {R"({"rule": "r", "severity": null})", "severity: missing"},
      {R"({"rule": "r", "severity": 5})", "severity: expected a string, found number"},
      {R"({"rule": "r", "severity": "high"})",
       "severity: 'high' is no severity (critical, error, warning, info)"},
      {R"({"rule": "r", "severity": "error "})", "severity: 'error ' is no severity"},
      {event(R"(, "time": 1795255083)"), "time: expected a string, found number"},
      {event(R"(, "time": "now")"), "time: 'now' is no RFC 3339 time"},
      {event(R"(, "compromiseStart": "2026-11-21")"), "compromiseStart: '2026-11-21' is no RFC 3339 time"},
      {event(R"(, "compromiseStart": {})"), "compromiseStart: expected a string, found object"},
      {event(R"(, "summary": [])"), "summary: expected a string, found array"},
      {event(R"(, "id": 7)"), "id: expected a string, found number"},
      {event(R"(, "id": "a\nb")"), "id: control character in 'a\\nb'"},
      {event(R"(, "id": ")" + std::string(257, 'i') + "\""), "id: 257 bytes, at most 256 are read"},
      {event(R"(, "tags": "a")"), "tags: expected an array, found string"},
      {event(R"(, "tags": ["a", 5])"), "tags[1]: expected a string, found number"},
      {event(R"(, "target": "shop/web-1")"), "target: expected an object, found string"},
      {event(R"(, "target": ["web-1"])"), "target: expected an object, found array"},
      {event(R"(, "compromisestart": "2026-11-21T09:58:00Z")"),
       "compromisestart: no such member; did you mean 'compromiseStart'?"},
      {event(R"(, "priority": "Error")"), "priority: no such member"},
      {event(R"(, "pod": "web-1")"), "pod: no such member"},
      {event(R"(, "anything": null)"), "anything: no such member"},
      {event(R"(, "\u001b[31m": 1)"), R"(["\x1b[31m"]: no such member)"},
      {target(R"("rule": "r")"), "target.rule: no such member"},
      {target(R"("podd": "web-1")"), "target.podd: no such member; did you mean 'pod'?"},
      {target(R"("podUid": "u")"), "target.podUid: no such member; did you mean 'podUID'?"},
      {target(R"("pod": "Web_1")"), "target.pod: 'Web_1' is no Kubernetes name"},
      {target(R"("pod": 5)"), "target.pod: expected a string, found number"},
      {target(R"("namespace": "a.b")"), "target.namespace: 'a.b' is no Kubernetes name"},
      {target(R"("podUID": "\u0007")"), "target.podUID: control character"},
      {target(R"("containerID": {})"), "target.containerID: expected a string, found object"},
      {target(R"("node": false)"), "target.node: expected a string, found boolean"},
      {target(R"("uuid": "shop-db-1")"), "target.uuid: 'shop-db-1' is no UUID"},
      {target(R"("uuid": "6b1f0c2e1a2b4c3d8e9f0123456789ab")"), "is no UUID"},
      {target(R"("domain": "a\u0000")"), "target.domain: control character"},
      {target(R"("mac": "52-54-00-aa-bb-cc")"), "target.mac: '52-54-00-aa-bb-cc' is no MAC address"},
      {target(R"("mac": "ff:ff:ff:ff:ff:ff")"),
       "target.mac: ff:ff:ff:ff:ff:ff is not the address of a single network card"},
      {target(R"("mac": "00:00:00:00:00:00")"), "target.mac: 00:00:00:00:00:00 is not"},
      {target(R"("address": "db.example.com")"), "target.address: 'db.example.com' is no IP address"},
      {target(R"("address": "192.0.2.7:22")"), "is no IP address"},
      {target(R"("address": "192.0.2.7\u0000")"), "target.address: '192.0.2.7\\x00' is no IP address"},
      {target(R"("address": "127.0.0.1")"),
       "target.address: 127.0.0.1 is not the address of a single machine"},
      {target(R"("address": "::ffff:127.0.0.1")"), "target.address: 127.0.0.1 is not"},
      {target(R"("address": "::")"), "target.address: :: is not"},
      {target(R"("address": 3221225991)"), "target.address: expected a string, found number"},
      {target(R"("namespace": "shop", "pod": "web-1", "uuid": "6b1f0c2e-1a2b-4c3d-8e9f-0123456789ab")"),
       "target.uuid: is about a machine, but 'namespace' about a pod"},
      {target(R"("address": "192.0.2.7", "containerID": "3ad7b26ded6d")"),
       "target.address: is about a machine, but 'containerID' about a pod"},
      {target(R"("domain": "a", "node": "node-1")"), "target.domain: is about a machine, but 'node'"},
  }));
  INFO(c.body.substr(0, 300));
  const auto batch = decode(c.body);
  REQUIRE(batch);
  CHECK_FALSE(batch->is_list);
  REQUIRE(batch->elements.size() == 1);
  REQUIRE_FALSE(batch->elements[0]);
  CHECK_THAT(batch->elements[0].error().to_string(), Catch::Contains(c.expected));
}

TEST_CASE("Generic: a body that is no strict JSON is refused whole") {
  const std::string body = GENERATE(
      as<std::string>(), "", "x", R"({"rule": "r")", R"({"rule": "r", "rule": "s", "severity": "info"})",
      R"({"rule": "r", "severity": "info", "target": {"pod": "a", "pod": "b"}})",
      "{\"rule\": \"\xff\", \"severity\": \"info\"}", R"({} {})", R"([{"rule": "r"},])");
  INFO(body);
  const auto batch = decode(body);
  REQUIRE_FALSE(batch);
  CHECK(batch.error().code == ErrorCode::kInvalidInput);
}

TEST_CASE("Generic: a bad element of a list does not drop the good ones, and a list is bounded") {
  const auto batch = decode("[" + event("") + ", 5, " + target(R"("podd": "a")") + ", " + event("") + "]");
  REQUIRE(batch);
  REQUIRE(batch->elements.size() == 4);
  CHECK(batch->elements[0]);
  CHECK_FALSE(batch->elements[1]);
  CHECK(batch->elements[2].error().object == "target.podd");
  CHECK(batch->elements[3]);

  std::string list = "[" + event("");
  for (int i = 1; i < 1000; ++i) list += "," + event("");
  CHECK(decode(list + "]")->elements.size() == 1000);
  CHECK(decode(list + "," + event("") + "]").error().code == ErrorCode::kTooLarge);
}
