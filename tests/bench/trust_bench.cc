// SPDX-License-Identifier: Apache-2.0
//
// trust-bench: how many signatures one core verifies, beside the bare cryptography, how many round trips a
// cold verification takes, how long reviews of pods take, and what a hostile registry costs. Run from the
// root of the repository; needs no cluster.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "base/encoding.h"
#include "base/file.h"
#include "measure_admission.h"
#include "measure_hostile.h"
#include "report.h"
#include "trust/policy/verifier.h"
#include "trust/sigstore/certified_signature.h"
#include "trust/testing/fake_registry.h"

namespace {

using namespace kintsugi;
using namespace kintsugi::bench;
using namespace kintsugi::trust;

constexpr char kImage[] = "sha256:3b75d56b3ff6ac3ee71264cac36add5f613dbbb603bd062ad3b01a8f59f89a75";
constexpr int kBatches = 15;

std::string data(const std::string& name) {
  return read_file("trust/testdata/" + name, 1u << 20).value();
}

Duration processor_time() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

/// Processor time of one call: the median of some batches. Others on this machine do not count.
Duration time_of(int calls, const std::function<bool()>& call) {
  Samples samples;
  for (int batch = 0; batch < kBatches; ++batch) {
    const Duration start = processor_time();
    for (int i = 0; i < calls; ++i) {
      if (!call()) throw std::runtime_error("a signature of the bench does not verify");
    }
    samples.add((processor_time() - start) / calls);
  }
  return samples.percentile(0.5);
}

std::string per_second(Duration one) {
  return std::to_string(int(1e9 / double(one.count()))) + "/s and core";
}

void measure_keyed(Report& report) {
  report.heading("Signatures by a key (ECDSA P-256)");
  const SigningKey signer;
  const Digest image = Digest::of("image");
  const std::vector<PublicKey> keys = {trust::testing::public_key_of(signer)};
  const std::string payload = trust::testing::cosign_payload(image);
  const std::string signature = signer.sign(payload);
  const std::string bundle = trust::testing::keyed_bundle(signer, trust::testing::cosign_statement(image));
  const Duration floor = time_of(500, [&] { return keys.front().verify(payload, signature); });
  report.figure("floor: the signature alone", per_second(floor));
  const Duration tag = time_of(500, [&] {
    const auto layer = signature_of_layer({Digest::of(payload), payload.size(), signature, {}}, payload);
    return verify_signature(layer, keys, image).has_value();
  });
  report.ratio("tag layout, " + per_second(tag), tag, floor);
  const Duration whole = time_of(500, [&] {
    const auto found = signature_of_bundle(parse_bundle(bundle).value());
    return verify_signature(*found, keys, image).has_value();
  });
  report.ratio("bundle, read and verified, " + per_second(whole), whole, floor);
}

void measure_keyless(Report& report) {
  report.heading("Keyless signatures (chain of P-256, SCT, log entry, timestamp)");
  trust::testing::FakeRegistry registry;
  const Digest image = Digest::parse(kImage).value();
  const std::vector<TrustedRoot> roots = {
      parse_trusted_root(data("images/keyless/trusted_root.json")).value()};
  registry.load("it", "images/keyless/uri");
  trust::testing::SkippingClock clock;
  RegistryClient client(registry, clock);
  const auto reference = ImageReference::parse("r.example.com/it@" + std::string(kImage)).value();
  const auto found = find_signatures(client, reference, image, Wanted::kSignatures,
                                     {clock.monotonic() + std::chrono::minutes(1), {}});
  const ImageSignature& signature = *found.signatures.at(0).signature;
  const SigningKey key;
  const std::string bare = key.sign("x");
  const PublicKey public_key = trust::testing::public_key_of(key);
  const Duration floor = time_of(500, [&] { return public_key.verify("x", bare); });
  report.figure("floor: one signature alone", per_second(floor));
  const Duration one =
      time_of(50, [&] { return verify_certified(signature, {roots}, image, WallTime()).has_value(); });
  report.ratio("keyless, " + per_second(one) + " (seven signatures)", one, floor);
}

/// Requests that can only be made once another has been answered, as if each took one unit of time.
void measure_round_trips(Report& report) {
  report.heading("A cold verification of an image by its tag");
  trust::testing::FakeRegistry registry;
  registry.load("it", "images/two-bundles");
  const trust::testing::SkippingClock skipping;
  RegistryClient client(registry, skipping);
  const SystemClock clock;
  constexpr std::chrono::milliseconds kAnswer{50};
  registry.intercept = [&](const net::HttpRequest&) {
    std::this_thread::sleep_for(kAnswer);
    return trust::testing::FakeRegistry::Answer();
  };
  VerdictCache cache(skipping);
  Verifier verifier(client, cache, skipping);
  TrustPolicySpec spec;
  spec.images = {ImageGlob::parse("**").value()};
  AuthoritySpec authority;
  authority.key.text = data("images/keys/a.pub");
  spec.authorities = {authority};
  const std::vector<TrustPolicy> policies = {resolve_references(spec, nullptr)};
  const MonotonicTime start = clock.monotonic();
  const Verdict verdict =
      verifier.verify("r.example.com/it:1.0", policies, {skipping.monotonic() + std::chrono::minutes(1), {}});
  const double trips = std::chrono::duration<double>(clock.monotonic() - start) / kAnswer;
  if (!verdict.accepted) report.failure("the image is not accepted: " + verdict.message);
  report.figure("requests", std::to_string(registry.requests.size()));
  report.figure("round trips that wait for each other", double(int(trips)), "", at_most(4, ""));
}

}  // namespace

int main() {
  Report report;
  try {
    measure_keyed(report);
    measure_keyless(report);
    measure_round_trips(report);
    measure_admission(report);
    measure_hostile(report);
  } catch (const std::exception& trouble) {
    report.failure(trouble.what());
  }
  report.summary();
  return report.failed() ? EXIT_FAILURE : EXIT_SUCCESS;
}
