// SPDX-License-Identifier: Apache-2.0
//
// What a cached pod costs. The figure is printed, so that it can be published and watched.
#include <fmt/format.h>
#include <malloc.h>

#include <catch2/catch.hpp>

#include "k8s-client/core/ondemand.h"
#include "k8s-client/runtime/informer.h"

using namespace kintsugi;
using namespace kintsugi::k8s;

namespace {

constexpr int kPodCount = 50'000;
constexpr int kPageSize = 500;

/// What a controller of incidents wants to know of every pod.
struct SlimPod : Object {
  std::string node;
  std::string ip;
  std::string phase;
  std::vector<std::string> images;
  bool host_network = false;
};

Result<SlimPod> project(RawJson json) {
  static simdjson::ondemand::parser parser;
  SlimPod pod;
  simdjson::ondemand::document document;
  std::string_view text;
  if (parser.iterate(json.text.data(), json.text.size(), json.capacity()).get(document)) {
    return fail(ErrorCode::kInvalidInput, "no pod");
  }
  if (!document["spec"]["nodeName"].get(text)) pod.node = text;
  for (auto container : document["spec"]["containers"]) {
    if (!container["image"].get(text)) pod.images.emplace_back(text);
  }
  if (!document["status"]["podIP"].get(text)) pod.ip = text;
  if (!document["status"]["phase"].get(text)) pod.phase = text;
  return pod;
}

/// A pod of a Deployment, about as large as real ones are: most of it is what caches do not keep.
std::string realistic_pod(int number) {
  const std::string filler(1500, 'f');
  return fmt::format(
      R"({{"metadata":{{"name":"checkout-7d9f8b6c5d-{0:05x}","generateName":"checkout-7d9f8b6c5d-","namespace":"shop-{1}",)"
      R"("uid":"6f1c2a7e-3b1d-4c55-9a0e-{0:012x}","resourceVersion":"{2}","creationTimestamp":"2026-01-01T00:00:00Z",)"
      R"("labels":{{"app.kubernetes.io/name":"checkout","app.kubernetes.io/instance":"checkout-{1}","tier":"backend",)"
      R"("pod-template-hash":"7d9f8b6c5d"}},"annotations":{{"prometheus.io/scrape":"true","checksum/config":"{3:.64}"}},)"
      R"("ownerReferences":[{{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"checkout-7d9f8b6c5d",)"
      R"("uid":"0b0e2a7e-1111-4c55-9a0e-{1:012x}","controller":true,"blockOwnerDeletion":true}}],)"
      R"("managedFields":[{{"manager":"kubelet","fieldsV1":{{"f:status":"{3}"}}}}]}},)"
      R"("spec":{{"nodeName":"worker-{4}.example.internal","containers":[{{"name":"app",)"
      R"("image":"registry.example.com/shop/checkout@sha256:{0:064x}","env":[{{"name":"X","value":"{3}"}}]}}]}},)"
      R"("status":{{"phase":"Running","podIP":"10.42.{1}.{4}","message":"{3:.300}"}}}})",
      number, number % 100, 1000 + number, filler, number % 250);
}

/// Serves the pods page by page, then ends the informer.
class PodPages final : public ListWatchSource {
 public:
  ApiResult<std::string> list_page(const ListParams& params, std::stop_token) override {
    const int first = params.continue_token.empty() ? 0 : std::stoi(params.continue_token);
    const int end = first + kPageSize;
    std::string page = fmt::format(R"({{"metadata":{{"resourceVersion":"9","continue":"{}"}},"items":[)",
                                   end < kPodCount ? std::to_string(end) : "");
    for (int number = first; number < end; ++number)
      page += (number > first ? "," : "") + realistic_pod(number);
    bytes += page.size();
    return page + "]}";
  }
  ApiResult<void> watch(const WatchParams&, std::stop_token, const net::BodySink&) override {
    stop.request_stop();
    return {};
  }

  std::size_t bytes = 0;
  std::stop_source stop;
};

std::size_t heap_in_use() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

}  // namespace

TEST_CASE("fifty thousand pods cost little more than a kilobyte each, with their indexes") {
  SystemClock clock;
  Logger log(clock, LogLevel::kError, [](std::string_view) {});
  PodPages source;
  const std::size_t before = heap_in_use();
  Informer<SlimPod> pods(source, project, {.name = "pods"}, clock, log);
  pods.add_index("namespace", index_by_namespace());
  pods.add_index("owner", index_by_owner_uid());
  pods.add_index("node", [](const SlimPod& pod) { return std::vector<std::string>{pod.node}; });
  pods.run(source.stop.get_token());
  REQUIRE(pods.size() == kPodCount);
  CHECK(pods.by_index("namespace", "shop-7").size() == kPodCount / 100);
  CHECK(pods.counters().decode_failures == 0);

  const std::size_t per_pod = (heap_in_use() - before) / kPodCount;
  WARN("a cached pod takes " << per_pod << " bytes, of " << source.bytes / kPodCount << " bytes of JSON");
  CHECK(per_pod < 1400);
}
