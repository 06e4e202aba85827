// SPDX-License-Identifier: Apache-2.0
#include "signals/falco.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdio>
#include <string>

#include "base/file.h"
#include "base/time.h"

using namespace kintsugi;
using namespace std::chrono_literals;
using signals::Batch;
using signals::FalcoDecoder;

namespace {

const WallTime kReceived = parse_rfc3339("2026-11-21T09:58:05Z").value();

std::string testdata(const std::string& name) {
  return read_file("signals/testdata/" + name, 1u << 20).value();
}

Result<Batch> decode(const std::string& body) {
  return FalcoDecoder().decode(body, kReceived);
}

Signal one(const std::string& body) {
  auto batch = decode(body);
  INFO(body.substr(0, 500));
  REQUIRE(batch);
  REQUIRE(batch->elements.size() == 1);
  REQUIRE(batch->elements[0]);
  return *batch->elements[0];
}

/// An event with more top-level members and output fields, both written as JSON members with a leading comma.
std::string event(const std::string& top, const std::string& fields = "") {
  return R"({"rule": "r", "priority": "Error", "output_fields": {"a": 1)" + fields + "}" + top + "}";
}

std::string fields(const std::string& members) {
  return event("", ", " + members);
}

}  // namespace

TEST_CASE("Falco: an http_output event") {
  const Signal signal = one(testdata("falco_syscall.json"));
  CHECK(signal.source == "falco");
  CHECK(signal.rule == "Terminal shell in container");
  CHECK(signal.severity == Severity::kInfo);
  CHECK(signal.time == WallTime(1795255080123456789ns));
  CHECK(signal.received == kReceived);
  CHECK_FALSE(signal.time_was_clamped);
  CHECK(signal.tags.size() == 5);
  CHECK_THAT(signal.summary, Catch::StartsWith("09:58:00.123456789: Notice A shell"));
  CHECK_FALSE(signal.on_host);
  CHECK(signal.name_space == "shop");
  CHECK(signal.pod_name == "web-7d9c6b9f5b-x2x4z");
  CHECK(signal.pod_uid == "9d6ff7f2-9b2c-4d9f-8b0e-0f0f4f1a2b3c");
  CHECK(signal.container_id.size() == 64);
  CHECK(signal.container_name == "web");
  CHECK(signal.node == "falco-kx7tq");
  CHECK(signal.id.size() == 32);
}

TEST_CASE("Falco: an event by way of falcosidekick keeps its uuid") {
  const Signal signal = one(testdata("falcosidekick.json"));
  CHECK(signal.id == "0b8b2c9e-7a0c-4f6e-9a55-5a7d8e3c1f20");
  CHECK(signal.severity == Severity::kCritical);
  CHECK(signal.container_id == "3ad7b26ded6d");
  CHECK(signal.time == WallTime(1795255081000000500ns));
}

TEST_CASE("Falco: an audit event names its target") {
  const Signal signal = one(testdata("falco_k8s_audit.json"));
  CHECK(signal.pod_name == "web-7d9c6b9f5b-x2x4z");
  CHECK(signal.name_space == "shop");
  CHECK(signal.container_name == "web");
}

TEST_CASE("Falco: an event of the host has no pod") {
  const Signal signal = one(testdata("falco_host.json"));
  CHECK(signal.on_host);
  CHECK(signal.pod_name.empty());
  CHECK(signal.container_id.empty());
  CHECK(one(fields(R"("container.id": "host", "k8s.pod.name": "web-1", "k8s.ns.name": "shop")"))
            .pod_name.empty());
}

TEST_CASE("Falco: every priority in any case of letters") {
  struct Case {
    std::string priority;
    Severity severity;
  };
  const auto c = GENERATE(values<Case>({{"Emergency", Severity::kCritical},
                                        {"Alert", Severity::kCritical},
                                        {"CRITICAL", Severity::kCritical},
                                        {"error", Severity::kError},
                                        {"Warning", Severity::kWarning},
                                        {"Notice", Severity::kInfo},
                                        {"Informational", Severity::kInfo},
                                        {"Info", Severity::kInfo},
                                        {"debug", Severity::kInfo}}));
  CHECK(one(R"({"rule": "r", "priority": ")" + c.priority + "\"}").severity == c.severity);
}

TEST_CASE("Falco: null, empty and <NA> are absent, wherever they stand") {
  const std::string nothing = GENERATE(as<std::string>(), "null", "\"\"", "\"<NA>\"");
  const Signal signal =
      one(event(", \"hostname\": " + nothing + ", \"tags\": " + nothing + ", \"output\": " + nothing +
                    ", \"uuid\": " + nothing + ", \"time\": " + nothing,
                ", \"k8s.pod.name\": " + nothing + ", \"k8s.ns.name\": " + nothing +
                    ", \"container.id\": " + nothing + ", \"evt.time\": " + nothing));
  CHECK(signal.pod_name.empty());
  CHECK(signal.name_space.empty());
  CHECK(signal.container_id.empty());
  CHECK(signal.node.empty());
  CHECK(signal.tags.empty());
  CHECK(signal.time == kReceived);
  CHECK(one(R"({"rule": "r", "priority": "Error", "output_fields": )" + nothing + "}").pod_name.empty());
}

TEST_CASE("Falco: the pod is resolved in order, and never from two families of fields") {
  CHECK(one(fields(R"("k8s.pod.name": "a", "k8s.ns.name": "n", "ka.target.pod.name": "b",
                      "ka.target.namespace": "m")"))
            .pod_name == "a");
  const Signal by_pod_name = one(fields(R"("ka.target.pod.name": "b", "ka.target.name": "c",
                                           "ka.target.resource": "pods", "ka.target.namespace": "m")"));
  CHECK(by_pod_name.pod_name == "b");
  CHECK(by_pod_name.name_space == "m");
  CHECK(one(fields(R"("ka.target.name": "c", "ka.target.resource": "pods")")).pod_name == "c");
  CHECK(one(fields(R"("ka.target.name": "c", "ka.target.resource": "configmaps")")).pod_name.empty());
  CHECK(one(fields(R"("ka.target.name": "c")")).pod_name.empty());
  CHECK(one(fields(R"("k8s.pod.name": "a", "ka.target.namespace": "m")")).name_space.empty());
}

TEST_CASE("Falco: what is not used may hold anything") {
  CHECK(one(event(R"(, "unknown": {"deep": [[1e999]]}, "k8s.pod.name": 7)",
                  R"(, "container.image.digest": 5, "proc.cmdline": {"x": null}, "evt.num": 1e400)"))
            .rule == "r");
  CHECK(one(fields(R"("k8s.pod.name": "a", "ka.target.pod.name": 7)")).pod_name == "a");
  CHECK(one(event(R"(, "time": "2026-11-21T09:58:00Z")", R"(, "evt.time": "x")")).time ==
        parse_rfc3339("2026-11-21T09:58:00Z").value());
  std::string zeros = "0";
  for (int i = 0; i < 200'000; ++i) zeros += ",0";
  CHECK(one(event(", \"x\": [" + zeros + "]")).rule == "r");
}

TEST_CASE("Falco: a wrong element is an error that names the field") {
  struct Case {
    std::string body, expected;
  };
  const auto c = GENERATE(values<Case>({
      {"5", "expected an object, found number"},
      {"null", "expected an object, found null"},
      {"\"x\"", "expected an object, found string"},
      {"{}", "rule: missing"},
      {R"({"priority": "Error"})", "rule: missing"},
      {R"({"rule": null, "priority": "Error"})", "rule: missing"},
      {R"({"rule": "", "priority": "Error"})", "rule: missing"},
      {R"({"rule": 5, "priority": "Error"})", "rule: expected a string, found number"},
      {R"({"rule": "r"})", "priority: missing"},
      {R"({"rule": "r", "priority": 3})", "priority: expected a string, found number"},
      {R"({"rule": "r", "priority": "Urgent"})", "priority: 'Urgent' is no Falco priority"},
      {R"({"rule": "r", "priority": "\u001b[31m"})", "priority: '\\x1b[31m' is no"},
      {R"({"rule": "r", "priority": "Error ", "time": "x"})", "priority: 'Error '"},
      {R"({"rule": "r", "priority": "Error", "output_fields": []})",
       "output_fields: expected an object, found array"},
      {event(R"(, "output": 5)"), "output: expected a string, found number"},
      {event(R"(, "hostname": {})"), "hostname: expected a string, found object"},
      {event(R"(, "hostname": "a\nb")"), "hostname: control character in 'a\\nb'"},
      {event(R"(, "source": [])"), "source: expected a string, found array"},
      {event(R"(, "uuid": 5)"), "uuid: expected a string, found number"},
      {event(R"(, "uuid": ")" + std::string(300, 'u') + "\""), "uuid: 300 bytes, at most 256 are read"},
      {event(R"(, "tags": "a")"), "tags: expected an array, found string"},
      {event(R"(, "tags": {})"), "tags: expected an array, found object"},
      {event(R"(, "tags": ["a", 5])"), "tags[1]: expected a string, found number"},
      {event(R"(, "tags": [null])"), "tags[0]: expected a string, found null"},
      {event(R"(, "tags": ["\u0000"])"), "tags[0]: control character in '\\x00'"},
      {event(R"(, "time": 5)"), "time: expected a string, found number"},
      {event(R"(, "time": "yesterday")"), "time: 'yesterday' is no RFC 3339 time"},
      {event(R"(, "time": "2026-13-01T00:00:00Z")"), "time: '2026-13-01T00:00:00Z' is no"},
      {event(R"(, "time": "2026-11-21 09:58:00")"), "is no RFC 3339 time"},
      {fields(R"("evt.time": "5")"), "output_fields[\"evt.time\"]: expected a number, found string"},
      {fields(R"("evt.time": 1.5)"), "output_fields[\"evt.time\"]: 1.5: not an exact integer"},
      {fields(R"("evt.time": 1.795255080123456789e18)"), "not an exact integer"},
      {fields(R"("evt.time": 99999999999999999999)"), "integer beyond 64 bits"},
      {fields(R"("evt.time": 1e999)"), "out of range"},
      {fields(R"("k8s.pod.name": 5)"), "output_fields[\"k8s.pod.name\"]: expected a string, found number"},
      {fields(R"("k8s.pod.name": ["web-1"])"),
       "output_fields[\"k8s.pod.name\"]: expected a string, found array"},
      {fields(R"("k8s.pod.name": true)"), "expected a string, found boolean"},
      {fields(R"("k8s.pod.name": "web\u001b[2J")"),
       "output_fields[\"k8s.pod.name\"]: 'web\\x1b[2J' is no Kubernetes name"},
      {fields(R"("k8s.pod.name": "web-1\n")"), "'web-1\\n' is no Kubernetes name"},
      {fields(R"("k8s.pod.name": "../web")"), "is no Kubernetes name"},
      {fields(R"("k8s.pod.name": "{{web}}")"), "is no Kubernetes name"},
      {fields(R"("k8s.pod.name": "Web")"), "is no Kubernetes name"},
      {fields(R"("k8s.pod.name": ")" + std::string(254, 'a') + "\""),
       "output_fields[\"k8s.pod.name\"]: 254 bytes, a Kubernetes name has at most 253"},
      {fields(R"("k8s.ns.name": 5)"), "output_fields[\"k8s.ns.name\"]: expected a string"},
      {fields(R"("k8s.ns.name": "a.b")"), "output_fields[\"k8s.ns.name\"]: 'a.b' is no Kubernetes name"},
      {fields(R"("k8s.ns.name": ")" + std::string(64, 'a') + "\""),
       "64 bytes, a Kubernetes name has at most 63"},
      {fields(R"("k8s.pod.uid": {})"), "output_fields[\"k8s.pod.uid\"]: expected a string, found object"},
      {fields(R"("container.id": 5)"), "output_fields[\"container.id\"]: expected a string"},
      {fields(R"("container.id": "\u0007")"), "output_fields[\"container.id\"]: control character"},
      {fields(R"("container.full_id": false)"), "output_fields[\"container.full_id\"]: expected a string"},
      {fields(R"("container.name": [])"), "output_fields[\"container.name\"]: expected a string"},
      {fields(R"("ka.target.pod.name": "A b")"), "output_fields[\"ka.target.pod.name\"]: 'A b' is no"},
      {fields(R"("ka.target.resource": 5)"), "output_fields[\"ka.target.resource\"]: expected a string"},
      {fields(R"("ka.target.resource": "pods", "ka.target.name": 5)"), "output_fields[\"ka.target.name\"]"},
  }));
  INFO(c.body.substr(0, 300));
  const auto batch = decode(c.body);
  REQUIRE(batch);
  CHECK_FALSE(batch->is_list);
  REQUIRE(batch->elements.size() == 1);
  REQUIRE_FALSE(batch->elements[0]);
  CHECK_THAT(batch->elements[0].error().to_string(), Catch::Contains(c.expected));
}

TEST_CASE("Falco: a body that is no strict JSON is refused whole") {
  const std::string body =
      GENERATE(as<std::string>(), "", "x", "{", R"({"rule": "r")",
               R"({"rule": "r", "rule": "s", "priority": "Error"})",
               R"({"rule": "r", "priority": "Error", "x": {"k8s.pod.name": 1, "k8s.pod.name": 2}})",
               "{\"rule\": \"\xff\", \"priority\": \"Error\"}", "{\"unused\": \"\xff\"}",
               R"([{"rule": "r"},])", R"({"rule": "\ud800"})", R"({} {})", "\xef\xbb\xbf{}");
  INFO(body);
  const auto batch = decode(body);
  REQUIRE_FALSE(batch);
  CHECK(batch.error().code == ErrorCode::kInvalidInput);
}

TEST_CASE("Falco: size, depth and count are bounded") {
  const std::string good = event("");
  CHECK(decode(std::string((1u << 20) - good.size(), ' ') + good));
  CHECK(decode(std::string((1u << 20) - good.size() + 1, ' ') + good).error().code == ErrorCode::kTooLarge);

  const auto nested = [](std::size_t levels) {
    return event(", \"x\": " + std::string(levels, '[') + std::string(levels, ']'));
  };
  CHECK(decode(nested(63)));
  CHECK(decode(nested(64)).error().code == ErrorCode::kTooLarge);

  std::string list = "[" + good;
  for (int i = 1; i < 1000; ++i) list += "," + good;
  CHECK(decode(list + "]")->elements.size() == 1000);
  CHECK(decode(list + "," + good + "]").error().code == ErrorCode::kTooLarge);
}

TEST_CASE("Falco: a bad element of a list does not drop the good ones") {
  const auto batch =
      decode("[" + event("") + ", 5, " + fields(R"("k8s.pod.name": 5)") + ", " + event("") + "]");
  REQUIRE(batch);
  CHECK(batch->is_list);
  REQUIRE(batch->elements.size() == 4);
  CHECK(batch->elements[0]);
  CHECK_FALSE(batch->elements[1]);
  CHECK(batch->elements[2].error().object == "output_fields[\"k8s.pod.name\"]");
  CHECK(batch->elements[3]);
  CHECK(decode("[]")->elements.empty());
  CHECK(decode("[" + event("") + "]")->is_list);
}

TEST_CASE("Falco: nanoseconds above 2^53 stay exact") {
  const Signal signal = one(fields(R"("evt.time": 1795255080123456789)"));
  CHECK(signal.time == WallTime(1795255080123456789ns));
  CHECK_FALSE(signal.time_was_clamped);
}

TEST_CASE("Falco: an implausible time is replaced by the receipt time") {
  struct Case {
    std::string time;
    bool is_replaced, is_clamped;
  };
  const auto c = GENERATE(values<Case>({
      {"2026-11-21T09:58:05Z", false, false},
      {"2026-11-21T11:58:00.5+02:00", false, false},
      {"2026-11-20T09:58:05Z", false, false},
      {"2026-11-20T09:58:04Z", true, true},
      {"2025-11-21T09:58:00Z", true, true},
      {"1970-01-01T00:00:00Z", true, true},
      {"2026-11-21T09:58:06Z", true, false},
      {"2026-11-21T10:03:05Z", true, false},
      {"2026-11-21T10:03:06Z", true, true},
      {"2026-11-21T10:08:05Z", true, true},
      {"2261-01-01T00:00:00Z", true, true},
  }));
  INFO(c.time);
  const Signal signal = one(event(", \"time\": \"" + c.time + "\""));
  CHECK(signal.time_was_clamped == c.is_clamped);
  CHECK(signal.time == (c.is_replaced ? kReceived : parse_rfc3339(c.time).value()));
  CHECK_FALSE(one(event("")).time_was_clamped);
  CHECK(one(event("")).time == kReceived);
  CHECK(one(fields(R"("evt.time": -9223372036854775808)")).time == kReceived);
  CHECK(one(fields(R"("evt.time": 9223372036854775807)")).time == kReceived);
}

TEST_CASE("Falco: the id tells events apart by rule, source, host, victim and time, not by text") {
  const std::string base = R"(, "time": "2026-11-21T09:58:00Z", "hostname": "h", "source": "syscall")";
  const std::string victim = R"(, "k8s.pod.name": "a", "k8s.ns.name": "n", "container.id": "c")";
  const std::string id = one(event(base, victim)).id;
  CHECK(one(event(base + R"(, "output": "other text", "tags": ["x"])", victim)).id == id);
  CHECK(one(event(base, R"(, "k8s.pod.name": "b", "k8s.ns.name": "n", "container.id": "c")")).id != id);
  CHECK(one(event(base, R"(, "k8s.pod.name": "a", "k8s.ns.name": "m", "container.id": "c")")).id != id);
  CHECK(one(event(base, R"(, "k8s.pod.name": "a", "k8s.ns.name": "n", "container.id": "d")")).id != id);
  CHECK(
      one(event(R"(, "time": "2026-11-21T09:58:00.1Z", "hostname": "h", "source": "syscall")", victim)).id !=
      id);
  CHECK(one(event(R"(, "time": "2026-11-21T09:58:00Z", "hostname": "g", "source": "syscall")", victim)).id !=
        id);
  CHECK(one(event(R"(, "time": "2026-11-21T09:58:00Z", "hostname": "h", "source": "other")", victim)).id !=
        id);
}

TEST_CASE("Falco: long texts are cut at a character") {
  const std::string text = "x" + [] {
    std::string umlauts;
    for (int i = 0; i < 1000; ++i) umlauts += "ä";
    return umlauts;
  }();
  const Signal signal = one(event(", \"output\": \"" + text + "\""));
  CHECK(signal.summary == text.substr(0, 1023));
  CHECK(one(R"({"priority": "Error", "rule": ")" + std::string(64 << 10, 'r') + "\"}").rule.size() == 1024);
}

TEST_CASE("Falco: a guest is the victim where its Falco names it") {
  const Signal signal = one(testdata("falco_guest.json"));
  CHECK_FALSE(signal.on_host);
  CHECK(signal.domain_uuid == "6b1f0c2e-1a2b-4c3d-8e9f-0123456789ab");
  CHECK(signal.domain == "shop-db-1");
  CHECK(signal.address.empty());
  CHECK(signal.pod_name.empty());
  const Signal no_container = one(fields(R"("kintsugi.mac": "52:54:00:AA:BB:CC")"));
  CHECK(no_container.mac == "52:54:00:aa:bb:cc");
  CHECK(one(fields(R"("container.id": "host", "kintsugi.address": "::ffff:192.0.2.7")")).address ==
        "192.0.2.7");
  CHECK(one(fields(R"("kintsugi.domain": "a")")).id != one(fields(R"("kintsugi.domain": "b")")).id);
}

TEST_CASE("Falco: the fields of a guest are not read beside a pod or a container") {
  const std::string victim = GENERATE(as<std::string>(), R"("k8s.pod.name": "a", "k8s.ns.name": "n")",
                                      R"("k8s.pod.uid": "u")", R"("ka.target.pod.name": "a")",
                                      R"("container.id": "3ad7b26ded6d")", R"("container.full_id": "3ad7")");
  const Signal signal = one(fields(victim + R"(, "kintsugi.domain": "d", "kintsugi.mac": "no MAC address")"));
  CHECK(signal.domain.empty());
  CHECK(signal.mac.empty());
  CHECK_FALSE(signal.on_host);
}

TEST_CASE("Falco: an event of the node stays one where no guest is named") {
  const std::string nothing = GENERATE(as<std::string>(), "null", "\"\"", "\"<NA>\"");
  CHECK(one(fields(R"("container.id": "host", "kintsugi.uuid": )" + nothing)).on_host);
}

TEST_CASE("Falco: a guest that is wrongly named is an error that names the field") {
  struct Case {
    std::string members, expected;
  };
  const auto c = GENERATE(values<Case>({
      {R"("kintsugi.uuid": "shop-db-1")", "output_fields[\"kintsugi.uuid\"]: 'shop-db-1' is no UUID"},
      {R"("kintsugi.uuid": 5)", "output_fields[\"kintsugi.uuid\"]: expected a string, found number"},
      {R"("kintsugi.domain": "a\u001b[2J")", "output_fields[\"kintsugi.domain\"]: control character"},
      {R"("kintsugi.domain": ["a"])", "output_fields[\"kintsugi.domain\"]: expected a string, found array"},
      {R"("kintsugi.mac": "00:00:00:00:00:00")", "output_fields[\"kintsugi.mac\"]: 00:00:00:00:00:00 is not"},
      {R"("kintsugi.address": "db-1")", "output_fields[\"kintsugi.address\"]: 'db-1' is no IP address"},
      {R"("kintsugi.address": "::1")", "output_fields[\"kintsugi.address\"]: ::1 is not the address of a"},
      {R"("container.id": "host", "kintsugi.mac": "x")", "output_fields[\"kintsugi.mac\"]: 'x' is no MAC"},
  }));
  INFO(c.members);
  const auto batch = decode(fields(c.members));
  REQUIRE(batch);
  REQUIRE_FALSE(batch->elements[0]);
  CHECK_THAT(batch->elements[0].error().to_string(), Catch::Contains(c.expected));
}

TEST_CASE("Falco: decoding speed", "[.benchmark]") {
  const std::string body = testdata("falco_syscall.json");
  constexpr int kRounds = 50'000;
  const auto start = std::chrono::steady_clock::now();
  std::size_t decoded = 0;
  for (int i = 0; i < kRounds; ++i) decoded += decode(body)->elements.size();
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
  std::printf("%.0f events of %zu bytes per second\n", double(decoded) / spent.count(), body.size());
  CHECK(double(decoded) / spent.count() > 10'000);
}
