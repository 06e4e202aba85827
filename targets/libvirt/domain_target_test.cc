// SPDX-License-Identifier: Apache-2.0
#include "targets/libvirt/domain_target.h"

#include <catch2/catch.hpp>
#include <utility>

#include "base/file.h"
#include "targets/libvirt/domain_document.h"
#include "targets/libvirt/testing/fake_hypervisor.h"

namespace kintsugi::targets {
namespace {

using testing::FakeHypervisor;

constexpr char kUuid[] = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0";
constexpr char kIncident[] = "inc-0123456789abcdef0123-1";

std::string data(const std::string& name) {
  return read_file("targets/libvirt/testdata/" + name, kMaxDomainXmlBytes).value();
}

FakeHypervisor running_host() {
  return {data("live.xml"), data("persistent.xml")};
}

Finding assess(const DomainTarget& target, const DomainIsolation& wanted) {
  return assess_isolation(target.observe(kUuid).value().value(), wanted);
}

/// Both parts, as the steps do it.
bool isolate(const DomainTarget& target, const DomainIsolation& wanted) {
  if (!target.cut_off(kUuid, wanted)) return false;
  const auto failures = target.seal(kUuid, wanted);
  return failures && failures->empty();
}

/// The same with a quarantine network, in which incident tools may reach the guest.
FakeHypervisor host_with_quarantine() {
  FakeHypervisor host = running_host();
  const std::string metadata = "<metadata>";
  host.persistent.insert(host.persistent.find(metadata) + metadata.size(),
                         "<kintsugi:domain xmlns:kintsugi='https://kintsugi.dev/domain/v1' protected='true'>"
                         "<kintsugi:address value='10.77.0.11'/><kintsugi:quarantine bridge='jail'/>"
                         "<kintsugi:forensics profile='tools' from='10.77.0.8' tcp='22'/></kintsugi:domain>");
  return host;
}

/// What a release has to give back.
struct State {
  std::string persistent;  ///< without blanks between its elements
  bool autostart;
  bool is_paused;
  std::size_t passages;
  std::vector<DomainInterface> interfaces;
  bool operator==(const State&) const = default;
};

State state_of(const FakeHypervisor& host) {
  return {to_xml(parse_domain_document(host.persistent).value().first_child()), host.autostart,
          host.is_paused, parse_domain(host.live)->passages.size(), parse_domain(host.live)->interfaces};
}

}  // namespace

TEST_CASE("a network card that cannot be changed keeps nothing else open") {
  FakeHypervisor host = running_host();
  const DomainTarget target(host);
  host.missing_bridge = "br77";
  CHECK_FALSE(target.cut_off(kUuid, {kIncident, /*pause=*/true, false}));
  CHECK(host.is_paused);
  const auto domain = target.observe(kUuid).value().value();
  CHECK(domain.persistent->incident == kIncident);
  REQUIRE(domain.persistent->interfaces.size() == 2);
  for (const DomainInterface& interface : domain.persistent->interfaces)
    CHECK(interface.link == LinkState::kDown);
}

TEST_CASE("whichever change fails, isolation and release come to the same end when they are repeated") {
  for (const bool pause : {false, true}) {
    for (const bool after : {false, true}) {
      for (int n = 1; n <= 12; ++n) {
        INFO("pause " << pause << ", change " << n << (after ? " was made and" : "") << " failed");
        FakeHypervisor host = running_host();
        const DomainTarget target(host);
        const DomainIsolation wanted{kIncident, pause, false};
        const State before = state_of(host);
        host.fail_change(n, after);
        if (!isolate(target, wanted)) {
          REQUIRE(isolate(target, wanted));
        }
        REQUIRE(assess(target, wanted).holds());

        host.fail_change(n, after);
        if (!target.restore(kUuid, kIncident)) {
          REQUIRE(target.restore(kUuid, kIncident));
        }
        CHECK(state_of(host) == before);
        CHECK(parse_domain(host.live)->incident.empty());
        CHECK(parse_domain(host.persistent)->incident.empty());
        CHECK(parse_domain(host.persistent)->passages.size() == 7);
        CHECK(parse_domain(host.live)->interfaces.front().link == LinkState::kUnset);
      }
    }
  }
}

TEST_CASE("whichever change fails, a quarantine network is come to and left") {
  for (const std::string profile : {"", "tools"}) {
    for (const bool after : {false, true}) {
      for (int n = 1; n <= 16; ++n) {
        INFO("profile '" << profile << "', change " << n << (after ? " was made and" : "") << " failed");
        FakeHypervisor host = host_with_quarantine();
        const DomainTarget target(host);
        DomainIsolation wanted{kIncident, false, false};
        wanted.forensics = profile;
        const State before = state_of(host);
        host.fail_change(n, after);
        if (!isolate(target, wanted)) {
          REQUIRE(isolate(target, wanted));
        }
        REQUIRE(assess(target, wanted).holds());
        for (const std::string* side : {&host.live, &host.persistent}) {
          const Domain domain = parse_domain(*side).value();
          for (const DomainInterface& interface : domain.interfaces) {
            CHECK(interface.source == "jail");
            CHECK((interface.link == LinkState::kUp) == !profile.empty());
          }
        }
        host.fail_change(n, after);
        if (!target.restore(kUuid, kIncident)) {
          REQUIRE(target.restore(kUuid, kIncident));
        }
        CHECK(state_of(host) == before);
      }
    }
  }
}

TEST_CASE("at no moment is a link up without the filter before it") {
  for (const bool after : {false, true}) {
    for (int n = 2; n <= 16; ++n) {
      FakeHypervisor host = host_with_quarantine();
      const DomainTarget target(host);
      DomainIsolation wanted{kIncident, false, false};
      wanted.forensics = "tools";
      host.fail_change(n, after, /*for_good=*/true);
      (void)isolate(target, wanted);
      const bool was_cut = n > 2 || after;
      const Domain live = parse_domain(host.live).value();
      for (const DomainInterface& interface : live.interfaces) {
        const bool is_filtered = interface.filter == forensic_filter_name(kUuid) &&
                                 host.filters.contains(interface.filter) && interface.source == "jail";
        INFO("change " << n << (after ? " was made and" : "") << " failed");
        CHECK((interface.link == LinkState::kDown || is_filtered || !was_cut));
      }
    }
  }
}

TEST_CASE("whoever changes a card, its filter or the filter's rules has the quarantine open") {
  DomainIsolation wanted{kIncident, false, false};
  wanted.forensics = "tools";
  const auto reason_after = [&](const auto& change) {
    FakeHypervisor host = host_with_quarantine();
    const DomainTarget target(host);
    REQUIRE(isolate(target, wanted));
    change(host);
    const std::string reason = assess(target, wanted).reason;
    CHECK(are_links_closed(target.observe(kUuid).value().value(), wanted) ==
          (reason == "DefinitionEvaluated"));
    REQUIRE(isolate(target, wanted));
    CHECK(assess(target, wanted).holds());
    return reason;
  };
  const auto replace = [](std::string& text, const std::string& what, const std::string& with) {
    REQUIRE(text.find(what) != std::string::npos);
    text.replace(text.find(what), what.size(), with);
  };
  const std::string name = forensic_filter_name(kUuid);
  CHECK(reason_after([](FakeHypervisor&) {}) == "DefinitionEvaluated");
  CHECK(reason_after([&](auto& host) {
          replace(host.live, "<source bridge=\"jail\"", "<source bridge=\"br77\"");
        }) == "LinkUp");
  CHECK(reason_after([&](auto& host) { replace(host.live, name, "clean-traffic"); }) == "LinkUp");
  CHECK(reason_after([&](auto& host) { host.filters.erase(name); }) == "FilterChanged");
  CHECK(reason_after([&](auto& host) { replace(host.filters[name], "drop", "accept"); }) == "FilterChanged");
  CHECK(reason_after([&](auto& host) {
          replace(host.persistent, "from=\"10.77.0.8\"", "from=\"10.77.0.9\"");  // the exceptions are others
        }) == "FilterChanged");
  CHECK(reason_after([&](auto& host) {
          replace(host.persistent, "<kintsugi:quarantine bridge=\"jail\"/>", "");
        }) == "LinkUp");
}

TEST_CASE("a card that cannot be moved stays down, and that is said") {
  FakeHypervisor host = host_with_quarantine();
  host.missing_bridge = "jail";
  const DomainTarget target(host);
  DomainIsolation wanted{kIncident, false, false};
  wanted.forensics = "tools";
  REQUIRE(target.cut_off(kUuid, wanted));
  const auto failures = target.seal(kUuid, wanted);
  REQUIRE(failures);
  REQUIRE(failures->size() == 1);
  CHECK_THAT(failures->front(), Catch::Contains("bridge jail doesn't exist"));
  CHECK(parse_domain(host.live)->interfaces.front().link == LinkState::kDown);
  CHECK(assess(target, wanted).holds());
}

TEST_CASE("the first change is the mark, and nothing is taken that it does not have") {
  FakeHypervisor host = running_host();
  const DomainTarget target(host);
  host.fail_change(2, false);
  CHECK_FALSE(target.cut_off(kUuid, {kIncident, false, false}));
  CHECK(parse_domain(host.live)->incident == kIncident);
  CHECK(parse_domain(host.live)->interfaces.front().link == LinkState::kUnset);
}

TEST_CASE("a guest that keeps a device is not isolated until it is paused") {
  FakeHypervisor host = running_host();
  host.keeps_devices = true;
  const DomainTarget target(host);
  const DomainIsolation running{kIncident, false, false};
  REQUIRE(isolate(target, running));
  const Finding finding = assess(target, running);
  CHECK(finding.reason == "PassageOpen");
  CHECK_THAT(finding.message,
             Catch::Contains("channel org.qemu.guest_agent.0") && Catch::Contains("redirdev"));
  CHECK(assess(target, {kIncident, false, true}).message == "the guest still has: redirdev spicevmc");
  const DomainIsolation paused{kIncident, true, false};
  REQUIRE(target.cut_off(kUuid, paused));
  CHECK(assess(target, paused).holds());
}

TEST_CASE("an isolation is judged by what is there") {
  const auto reason_of = [](const auto& change) {
    FakeHypervisor host = running_host();
    const DomainTarget target(host);
    const DomainIsolation wanted{kIncident, false, false};
    REQUIRE(isolate(target, wanted));
    change(host);
    return assess(target, wanted).reason;
  };
  CHECK(reason_of([](FakeHypervisor&) {}) == "DefinitionEvaluated");
  CHECK(reason_of([](FakeHypervisor& host) { host.live.clear(); }) == "ShutOff");
  CHECK(reason_of([](FakeHypervisor& host) { host.persistent.clear(); }) == "DefinitionEvaluated");
  CHECK(reason_of([](FakeHypervisor& host) { host.persistent = data("persistent.xml"); }) ==
        "NotInQuarantine");
  CHECK(reason_of([](FakeHypervisor& host) { host.live = data("live.xml"); }) == "NotInQuarantine");
  CHECK(reason_of([](FakeHypervisor& host) { host.live.replace(host.live.find("\"down\""), 6, "\"up\""); }) ==
        "LinkUp");
  CHECK(reason_of([](FakeHypervisor& host) {
          host.persistent.replace(host.persistent.find("\"down\""), 6, "\"up\"");
        }) == "LinkUp");
}

TEST_CASE("a guest that is to stand still is not isolated while it runs") {
  FakeHypervisor host = running_host();
  const DomainTarget target(host);
  const DomainIsolation running{kIncident, false, false};
  const DomainIsolation paused{kIncident, true, false};
  REQUIRE(isolate(target, running));
  CHECK(assess(target, running).holds());
  CHECK(assess(target, paused).reason == "NotPaused");
  REQUIRE(target.cut_off(kUuid, paused));
  CHECK(assess(target, paused).holds());
  host.is_paused = false;
  CHECK(assess(target, paused).reason == "NotPaused");
  host.live.clear();
  CHECK(assess(target, paused).reason == "ShutOff");
}

TEST_CASE("a domain that is off, or transient, is isolated in the one definition it has") {
  FakeHypervisor off("", data("persistent.xml"));
  const DomainIsolation wanted{kIncident, true, false};
  REQUIRE(isolate(DomainTarget(off), wanted));
  CHECK(assess(DomainTarget(off), wanted).reason == "ShutOff");
  CHECK_FALSE(off.autostart);
  REQUIRE(DomainTarget(off).restore(kUuid, kIncident));
  CHECK(off.autostart);

  FakeHypervisor transient(data("live.xml"), "");
  REQUIRE(isolate(DomainTarget(transient), wanted));
  CHECK(assess(DomainTarget(transient), wanted).holds());
  REQUIRE(DomainTarget(transient).restore(kUuid, kIncident));
  CHECK_FALSE(transient.is_paused);
}

TEST_CASE("what cannot be sealed is said, and the rest is done") {
  FakeHypervisor host = running_host();
  const DomainTarget target(host);
  const DomainIsolation wanted{kIncident, false, false};
  REQUIRE(target.cut_off(kUuid, wanted));
  host.fail_change(2, false);  // the filter
  const auto failures = target.seal(kUuid, wanted);
  REQUIRE(failures);
  CHECK(failures->size() == 1);
  CHECK(assess(target, wanted).holds());
}

TEST_CASE("a domain that was paused before is paused after its release") {
  FakeHypervisor host = running_host();
  host.is_paused = true;
  const DomainTarget target(host);
  const DomainIsolation wanted{kIncident, true, false};
  REQUIRE(isolate(target, wanted));
  REQUIRE(isolate(target, wanted));
  REQUIRE(target.restore(kUuid, kIncident));
  CHECK(host.is_paused);
}

TEST_CASE("a device that cannot be plugged in again keeps no link down") {
  FakeHypervisor host = running_host();
  const DomainTarget target(host);
  const DomainIsolation wanted{kIncident, true, false};
  REQUIRE(isolate(target, wanted));
  host.plugging_trouble = make_error(ErrorCode::kUnsupported, "only virtiofs can be plugged in");
  const auto refused = target.restore(kUuid, kIncident);
  REQUIRE(refused);
  CHECK_FALSE(refused->empty());
  CHECK(refused->front() == "only virtiofs can be plugged in");
  const auto observed = target.observe(kUuid);
  REQUIRE((observed && *observed));
  for (const DomainInterface& interface : (*observed)->live->interfaces)
    CHECK(interface.link != LinkState::kDown);
  CHECK((*observed)->any().incident.empty());
  CHECK_FALSE(host.is_paused);
}

TEST_CASE("another incident's quarantine is not ended") {
  FakeHypervisor host = running_host();
  const DomainTarget target(host);
  REQUIRE(isolate(target, {kIncident, true, false}));
  REQUIRE(target.restore(kUuid, "inc-0123456789abcdef0123-2"));
  CHECK(host.is_paused);
  CHECK(assess(target, {kIncident, true, false}).holds());
  CHECK_FALSE(target.observe("00000000-0000-4000-8000-000000000000").value().has_value());
}

TEST_CASE("whichever change fails, disks are frozen and given back when it is repeated") {
  for (const bool after : {false, true}) {
    for (int n = 1; n <= 3; ++n) {
      INFO("change " << n << (after ? " was made and" : "") << " failed");
      FakeHypervisor host = running_host();
      const DomainTarget target(host);
      const DomainIsolation wanted{kIncident, false, false};
      const State before = state_of(host);
      REQUIRE(isolate(target, wanted));
      host.fail_change(n, after);
      auto frozen = target.freeze_disks(kUuid, kIncident);
      if (!frozen) frozen = target.freeze_disks(kUuid, kIncident);
      REQUIRE(frozen);
      const std::string layer = std::string("/srv/vm/web1.g1.qcow2.") + kIncident;
      CHECK(frozen->layers == std::vector<DiskLayer>{{"vda", "/srv/vm/web1.g1.qcow2", layer}});
      CHECK(frozen->others.empty());
      CHECK(parse_domain(host.live)->disks.front().source == layer);
      CHECK(parse_domain(host.persistent)->disks.front().source == layer);

      const auto too_early = target.restore(kUuid, kIncident);
      REQUIRE_FALSE(too_early);
      CHECK(too_early.error().code == ErrorCode::kConflict);
      int calls = 0;
      for (bool done = false; !done && calls < 20; ++calls) {
        const auto given = target.give_back_disks(kUuid, kIncident);
        done = given && given->done;
      }
      CHECK(calls > host.looks_until_ready);
      CHECK(calls < 10);
      REQUIRE(target.restore(kUuid, kIncident));
      CHECK(state_of(host) == before);
      CHECK(host.layers.empty());
    }
  }
}

TEST_CASE("a domain that does not run, or is paused, writes nothing and gets no layer") {
  FakeHypervisor off("", data("persistent.xml"));
  CHECK(DomainTarget(off).freeze_disks(kUuid, kIncident)->layers.empty());
  FakeHypervisor paused = running_host();
  paused.is_paused = true;
  CHECK(DomainTarget(paused).freeze_disks(kUuid, kIncident)->layers.empty());
  CHECK(paused.layers.empty());
  CHECK(DomainTarget(paused).give_back_disks(kUuid, kIncident)->done);
}

TEST_CASE("a domain that was shut off with a layer keeps it until it runs again") {
  FakeHypervisor host = running_host();
  const DomainTarget target(host);
  REQUIRE(isolate(target, {kIncident, false, false}));
  REQUIRE(target.freeze_disks(kUuid, kIncident));
  const std::string running = std::exchange(host.live, "");
  const auto given = target.give_back_disks(kUuid, kIncident);
  REQUIRE_FALSE(given);
  CHECK(given.error().code == ErrorCode::kRefused);
  CHECK_THAT(given.error().to_string(), Catch::Contains("start it"));
  CHECK_FALSE(target.restore(kUuid, kIncident));
  CHECK(host.layers.size() == 1);
  host.live = running;
  CHECK(target.give_back_disks(kUuid, kIncident));
}

TEST_CASE("a disk that somebody has replaced is not put back") {
  FakeHypervisor host = running_host();
  const DomainTarget target(host);
  REQUIRE(isolate(target, {kIncident, false, false}));
  host.persistent.replace(host.persistent.rfind("web1.g1.qcow2"), 13, "web1.g2.qcow2");
  REQUIRE(target.restore(kUuid, kIncident));
  CHECK(parse_domain(host.persistent)->disks.front().source == "/srv/vm/web1.g2.qcow2");
}

}  // namespace kintsugi::targets
