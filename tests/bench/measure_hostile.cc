// SPDX-License-Identifier: Apache-2.0
#include "measure_hostile.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "process_stats.h"
#include "trust/policy/verifier.h"
#include "trust/testing/fake_registry.h"

namespace kintsugi::bench {
namespace {

using namespace trust;
using trust::testing::FakeRegistry;

constexpr char kRepository[] = "it";
constexpr std::size_t kMiB = 1u << 20;
/// What one verification may take at most: half of what the chart gives the whole process.
constexpr double kMostMemory = 256;
constexpr double kMostSeconds = 5;

/// The peak that the kernel keeps begins anew.
void forget_peak() {
  ::malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << "5";
}

TrustPolicy policy_for(const std::string& key, bool wants_attestation) {
  TrustPolicySpec spec;
  spec.name = "hostile";
  spec.images = {ImageGlob::parse("**").value()};
  AuthoritySpec authority;
  authority.key.text = key;
  spec.authorities = {authority};
  if (wants_attestation) {
    AttestationRule rule;
    rule.name = "build";
    rule.predicate_type = "https://example.com/build";
    spec.attestations = {rule};
  }
  return resolve_references(spec, nullptr);
}

/// An image, and a registry that is about to say something about it.
struct Hostile {
  FakeRegistry registry;
  SigningKey key;
  Digest image = registry.put_image(kRepository, "1");
};

void measure(Report& report, const std::string& what, Hostile& hostile, bool wants_attestation = false) {
  const trust::testing::SkippingClock clock;
  RegistryClient client(hostile.registry, clock);
  VerdictCache cache(clock);
  Verifier verifier(client, cache, clock);
  const std::vector<TrustPolicy> policies = {policy_for(hostile.key.pem(), wants_attestation)};
  forget_peak();
  const double before = resident_mib(::getpid());
  const double started = cpu_seconds(::getpid());
  const Verdict verdict =
      verifier.verify("r.example.com/it:1", policies, {clock.monotonic() + std::chrono::minutes(1), {}});
  const double seconds = cpu_seconds(::getpid()) - started;
  const double grown = peak_resident_mib(::getpid()) - before;
  if (verdict.accepted) report.failure(what + ": the image is accepted");
  report.figure(what + ", " + verdict.reason, std::max(grown, 0.0), "MiB", at_most(kMostMemory, "MiB"));
  report.figure(what + ", processor time", seconds, "s", at_most(kMostSeconds, "s"));
}

std::string repeated(std::string_view piece, std::size_t bytes) {
  std::string text;
  text.reserve(bytes);
  while (text.size() + piece.size() <= bytes) text += piece;
  return text;
}

void signature_layers(Report& report) {
  Hostile hostile;
  std::vector<FakeRegistry::Layer> layers;
  for (int i = 0; i < 1000; ++i)
    layers.push_back({std::to_string(i) + repeated("x", 60u << 10), repeated("QUJD", 2u << 10)});
  hostile.registry.put_signatures(kRepository, hostile.image, layers);
  measure(report, "1,000 signature layers", hostile);
}

void bundles(Report& report, const std::string& what, const std::string& filler, std::string_view opening) {
  Hostile hostile;
  for (int i = 0; i < 64; ++i) {
    hostile.registry.put_bundle(kRepository, hostile.image,
                                std::string(opening) + std::to_string(i) + "," + filler);
  }
  measure(report, what, hostile);
}

void attestations(Report& report, const std::string& what, const std::string& predicate) {
  Hostile hostile;
  hostile.registry.sign(kRepository, hostile.image, hostile.key);
  for (int i = 0; i < 4; ++i) {
    const std::string statement =
        R"({"_type":"https://in-toto.io/Statement/v1","predicateType":"https://example.com/build","subject":)"
        R"([{"name":"x","digest":{"sha256":")" +
        std::string(64, 'a') + "\"}}],\"n\":" + std::to_string(i) + ",\"predicate\":" + predicate + "}";
    hostile.registry.put_bundle(kRepository, hostile.image,
                                trust::testing::keyed_bundle(hostile.key, statement),
                                "https://example.com/build");
  }
  measure(report, what, hostile, true);
}

void endless_payload(Report& report) {
  Hostile hostile;
  hostile.registry.sign(kRepository, hostile.image, hostile.key);
  hostile.registry.intercept = [](const net::HttpRequest& request) -> FakeRegistry::Answer {
    if (request.url.find("/blobs/") == std::string::npos) return std::nullopt;
    return trust::testing::response(200, repeated("x", 64 * kMiB));
  };
  measure(report, "a payload of 64 MiB in place of 300 bytes", hostile);
}

void large_index(Report& report) {
  Hostile hostile;
  const std::string entry =
      R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","size":2,"digest":")" +
      hostile.image.text() + "\"},";
  std::string entries = repeated(entry, 4 * kMiB - 512);
  entries.pop_back();
  hostile.registry.put_manifest(
      kRepository,
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[)" + entries +
          "]}",
      "1", "application/vnd.oci.image.index.v1+json");
  measure(report, "an index of 4 MiB", hostile);
}

}  // namespace

void measure_hostile(Report& report) {
  report.heading("One verification against a registry that means harm (memory at its peak above the start)");
  signature_layers(report);
  bundles(report, "64 bundles of 1 MiB, nested", repeated("[", kMiB - 64), "[");
  bundles(report, "64 bundles of 1 MiB, of numbers", repeated("0,", kMiB - 64) + "0]}", "{\"a\":[");
  attestations(report, "4 attestations of 7 MiB, of numbers", "[" + repeated("0,", 7 * kMiB) + "0]");
  attestations(report, "4 attestations of 7 MiB, one text", "\"" + repeated("x", 7 * kMiB) + "\"");
  endless_payload(report);
  large_index(report);
}

}  // namespace kintsugi::bench
