// SPDX-License-Identifier: Apache-2.0
//
// Links that somebody has raised at QEMU itself: libvirt, which has them down, tells QEMU of changes only.
#include <catch2/catch.hpp>

#include "base/file.h"
#include "targets/libvirt/domain_target.h"
#include "targets/libvirt/testing/fake_hypervisor.h"

namespace kintsugi::targets {
namespace {

constexpr char kUuid[] = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0";
constexpr char kIncident[] = "inc-0123456789abcdef0123-1";
constexpr char kMac[] = "52:54:00:77:00:11";
constexpr char kTap[] = "web1-0";

std::string data(const std::string& name) {
  return read_file("targets/libvirt/testdata/" + name, kMaxDomainXmlBytes).value();
}

/// Tells whether a link was ever up for libvirt without the filter before it.
class WatchedHost final : public testing::FakeHypervisor {
 public:
  WatchedHost() : FakeHypervisor(data("live.xml"), data("persistent.xml")) {}

  Result<void> update_device(const std::string& uuid, const std::string& device) override {
    auto updated = FakeHypervisor::update_device(uuid, device);
    const DomainInterface now = card();
    was_open = was_open || (now.link != LinkState::kDown && now.filter != kQuarantineFilter);
    return updated;
  }
  Result<void> define_filter(const std::string& definition) override {
    if (!has_filters) return fail(ErrorCode::kUnsupported, "no filters here");
    return FakeHypervisor::define_filter(definition);
  }
  DomainInterface card() const { return parse_domain(live)->interfaces.front(); }

  bool has_filters = true;
  bool was_open = false;
};

}  // namespace

TEST_CASE("a link that is up for QEMU alone is put down by being raised for libvirt behind the filter") {
  const bool is_sealed = GENERATE(true, false);
  WatchedHost host;
  const DomainTarget target(host);
  const DomainIsolation wanted{kIncident, false, false};
  REQUIRE(target.cut_off(kUuid, wanted));
  if (is_sealed) REQUIRE(target.seal(kUuid, wanted));
  host.raised.insert(kTap);
  REQUIRE(target.cut_off(kUuid, wanted));
  CHECK(host.raised.size() == 1);  // libvirt believes that it is down
  REQUIRE(target.lower_again(kUuid, {kMac}));
  CHECK(host.raised.empty());
  CHECK(host.card().link == LinkState::kDown);
  CHECK(host.card().filter == kQuarantineFilter);
  CHECK_FALSE(host.was_open);
  REQUIRE(target.restore(kUuid, kIncident));
  CHECK(host.card() == parse_domain(data("live.xml"))->interfaces.front());
}

TEST_CASE("on a host without filters such a link is put down all the same") {
  WatchedHost host;
  const DomainTarget target(host);
  REQUIRE(target.cut_off(kUuid, {kIncident, false, false}));
  host.has_filters = false;
  host.raised.insert(kTap);
  REQUIRE(target.lower_again(kUuid, {kMac}));
  CHECK(host.raised.empty());
  CHECK(host.card().link == LinkState::kDown);
  CHECK(host.card().filter.empty());
}

TEST_CASE("whatever fails while a link is put down again, what is left is seen, and trying again mends it") {
  for (int n = 1; n <= 4; ++n) {  // the filter, the card behind it, up, down
    for (const bool after : {false, true}) {
      INFO("change " << n << (after ? ", made" : ", not made"));
      WatchedHost host;
      const DomainTarget target(host);
      const DomainIsolation wanted{kIncident, false, false};
      REQUIRE(target.cut_off(kUuid, wanted));
      host.raised.insert(kTap);
      host.fail_change(n, after);
      const bool done = target.lower_again(kUuid, {kMac}).has_value();
      const bool is_up = host.card().link != LinkState::kDown;
      CHECK(is_up == (assess_isolation(**target.observe(kUuid), wanted).reason == "LinkUp"));
      if (done) CHECK((host.raised.empty() && !is_up));
      host.fail_change(0, false);
      if (is_up) REQUIRE(target.cut_off(kUuid, wanted));
      if (!is_up) REQUIRE(target.lower_again(kUuid, {kMac}));
      CHECK(host.raised.empty());
      CHECK(host.card().link == LinkState::kDown);
    }
  }
}

TEST_CASE("cards that are not there are passed over, and a machine that does not run has none") {
  WatchedHost host;
  const DomainTarget target(host);
  REQUIRE(target.cut_off(kUuid, {kIncident, false, false}));
  const std::string before = host.live;
  CHECK(target.lower_again(kUuid, {"52:54:00:77:00:99"}));
  CHECK(target.lower_again(kUuid, {}));
  CHECK(host.live == before);
  host.live.clear();
  CHECK(target.lower_again(kUuid, {kMac}).error().code == ErrorCode::kConflict);
}

}  // namespace kintsugi::targets
