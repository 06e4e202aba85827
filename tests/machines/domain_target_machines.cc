// SPDX-License-Identifier: Apache-2.0
//
// Isolation and restoration of real domains: what libvirt makes of what was planned, and what packets do.
#include <algorithm>
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "targets/libvirt/domain_target.h"
#include "tests/machines/machine_lab.h"

using namespace kintsugi;
using namespace kintsugi::machines;
using namespace kintsugi::targets;

namespace {

constexpr char kIncident[] = "inc-0123456789abcdef0123-1";

/// What the domain starts from the next time, as libvirt says it.
std::string definition(Host& host, const std::string& uuid) {
  return host.hypervisor().persistent_definition(uuid).value();
}

/// What it is and has while it runs. libvirt keeps no difference between a link that is up and one that
/// nobody has touched.
std::vector<bool> links_down(const DomainTarget& target, const std::string& uuid) {
  std::vector<bool> down;
  const auto observed = target.observe(uuid).value().value();
  for (const DomainInterface& interface : observed.live->interfaces)
    down.push_back(interface.link == LinkState::kDown);
  return down;
}

Finding assess(const DomainTarget& target, const std::string& uuid, const DomainIsolation& wanted) {
  const auto observed = target.observe(uuid);
  if (!observed) FAIL(observed.error().to_string());
  REQUIRE(observed->has_value());
  return assess_isolation(**observed, wanted);
}

/// A guest gives a device back when it gets round to it.
bool becomes_isolated(const DomainTarget& target, const std::string& uuid, const DomainIsolation& wanted) {
  for (int attempt = 0; attempt < 50; ++attempt) {
    if (assess(target, uuid, wanted).holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return false;
}

template <class Value>
void require_done(const Result<Value>& result) {
  if (!result) FAIL(result.error().to_string());
}

}  // namespace

TEST_CASE("no packet passes a guest in quarantine, either way, and all is as it was after its release") {
  Host host;
  const std::string uuid = host.uuid_of("web1");
  const DomainTarget target(host.hypervisor());
  require_done(host.hypervisor().set_autostart(uuid, true));
  const std::string before = definition(host, uuid);
  REQUIRE(answers("10.77.0.11"));
  REQUIRE(inside("timeout 5 busybox wget -q -O - http://10.77.0.11/cgi-bin/implant"));
  REQUIRE(calls_home(60));

  const DomainIsolation wanted{kIncident, false, false};
  require_done(target.cut_off(uuid, wanted));
  CHECK_FALSE(answers("10.77.0.11"));
  CHECK_FALSE(calls_home(4));
  CHECK(assess(target, uuid, wanted).reason == "PassageOpen");  // the guest agent's channel
  const auto failures = target.seal(uuid, wanted);
  require_done(failures);
  CHECK(*failures == std::vector<std::string>());
  CHECK(becomes_isolated(target, uuid, wanted));
  CHECK(host.hypervisor().status(uuid)->autostart == false);
  CHECK_FALSE(answers("10.77.0.11"));

  require_done(target.restore(uuid, kIncident));
  CHECK(definition(host, uuid) == before);
  CHECK(host.hypervisor().status(uuid)->autostart);
  CHECK(answers("10.77.0.11"));
  CHECK(calls_home(60));
  require_done(host.hypervisor().set_autostart(uuid, false));
}

TEST_CASE("a paused guest is isolated at once, and runs again when it is released") {
  Host host;
  const std::string uuid = host.make_empty("paused");
  const DomainTarget target(host.hypervisor());
  const std::string before = definition(host, uuid);
  const DomainIsolation wanted{kIncident, true, false};
  require_done(target.cut_off(uuid, wanted));
  CHECK(assess(target, uuid, wanted).reason == "DefinitionEvaluated");
  CHECK(host.hypervisor().status(uuid)->state == DomainState::kPaused);
  require_done(target.restore(uuid, kIncident));
  CHECK(host.hypervisor().status(uuid)->state == DomainState::kRunning);
  CHECK(definition(host, uuid) == before);
  CHECK(links_down(target, uuid) == std::vector<bool>{false});
}

TEST_CASE(
    "a machine with arguments past libvirt is isolated while it is paused, and does not start with them") {
  Host host;
  const std::string uuid = host.make_empty("past-libvirt");
  std::string with_arguments = definition(host, uuid);
  with_arguments.insert(with_arguments.rfind("</domain>"),
                        "<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>"
                        "<qemu:arg value='-chardev'/><qemu:arg value='null,id=past'/></qemu:commandline>");
  require_done(host.hypervisor().define(with_arguments));
  require_done(host.hypervisor().destroy(uuid));
  require_done(host.hypervisor().start(uuid));
  const std::string before = definition(host, uuid);
  const DomainTarget target(host.hypervisor());

  const DomainIsolation running{kIncident, false, false};
  require_done(target.cut_off(uuid, running));
  require_done(target.seal(uuid, running));
  CHECK_FALSE(becomes_isolated(target, uuid, running));
  const Finding finding = assess(target, uuid, running);
  CHECK(finding.reason == "PassageOpen");
  CHECK(finding.message == "the guest still has: qemu:commandline -chardev");
  CHECK_THAT(definition(host, uuid), Catch::Contains("<qemu:arg") && Catch::Contains("<arguments>"));
  CHECK(parse_domain(definition(host, uuid))->passages.empty());
  const DomainIsolation paused{kIncident, true, false};
  require_done(target.cut_off(uuid, paused));
  CHECK(assess(target, uuid, paused).holds());

  require_done(host.hypervisor().destroy(uuid));
  require_done(host.hypervisor().start(uuid));
  CHECK(becomes_isolated(target, uuid, running));
  require_done(target.restore(uuid, kIncident));
  CHECK(definition(host, uuid) == before);
}

TEST_CASE("libvirt says that somebody has paused a domain, also one that never ran") {
  Host host;
  const std::string uuid = host.make_empty("halted");
  const auto virsh = [](const std::string& command) {
    return std::system(("virsh -q -c '" + uri() + "' " + command).c_str()) == 0;
  };
  const auto pause = [&] { return host.hypervisor().status(uuid).value().pause; };
  CHECK(pause() == PauseCause::kNone);
  REQUIRE(virsh("suspend halted"));
  CHECK(pause() == PauseCause::kSomebody);
  REQUIRE(virsh("resume halted"));
  CHECK(pause() == PauseCause::kNone);
  REQUIRE(virsh("destroy halted"));
  CHECK(pause() == PauseCause::kNone);
  REQUIRE(virsh("start --paused halted"));
  CHECK(pause() == PauseCause::kSomebody);
}

TEST_CASE("isolation repeated changes nothing, and another incident's release does nothing") {
  Host host;
  const std::string uuid = host.make_empty("repeated");
  const DomainTarget target(host.hypervisor());
  const std::string before = definition(host, uuid);
  const DomainIsolation wanted{kIncident, true, false};
  require_done(target.cut_off(uuid, wanted));
  const std::string isolated = definition(host, uuid) + host.hypervisor().live_definition(uuid).value();
  require_done(target.cut_off(uuid, wanted));
  CHECK(definition(host, uuid) + host.hypervisor().live_definition(uuid).value() == isolated);
  require_done(target.restore(uuid, "inc-0123456789abcdef0123-2"));
  CHECK(definition(host, uuid) + host.hypervisor().live_definition(uuid).value() == isolated);
  require_done(target.restore(uuid, kIncident));
  CHECK(definition(host, uuid) == before);
  CHECK(links_down(target, uuid) == std::vector<bool>{false});
}

TEST_CASE("a domain that is off is isolated in what it starts from") {
  Host host;
  const std::string uuid = host.make_empty("off");
  const DomainTarget target(host.hypervisor());
  REQUIRE(std::system(("virsh -q -c '" + uri() + "' destroy off").c_str()) == 0);
  const std::string before = host.hypervisor().persistent_definition(uuid).value();
  const DomainIsolation wanted{kIncident, false, false};
  require_done(target.cut_off(uuid, wanted));
  CHECK(assess(target, uuid, wanted).reason == "ShutOff");
  REQUIRE(std::system(("virsh -q -c '" + uri() + "' start off").c_str()) == 0);
  CHECK(assess(target, uuid, wanted).holds());
  REQUIRE(std::system(("virsh -q -c '" + uri() + "' destroy off").c_str()) == 0);
  require_done(target.restore(uuid, kIncident));
  CHECK(host.hypervisor().persistent_definition(uuid).value() == before);
}

TEST_CASE("the quarantine outlives the daemon, and somebody's change is seen") {
  Host host;
  const std::string uuid = host.make_empty("crash");
  const DomainTarget target(host.hypervisor());
  const DomainIsolation wanted{kIncident, true, false};
  require_done(target.cut_off(uuid, wanted));
  REQUIRE(lab("kill-daemon"));
  CHECK_FALSE(target.observe(uuid));
  host.forget();
  REQUIRE(lab("restart-daemon"));
  REQUIRE(host.hears_of(""));  // anything may have happened
  REQUIRE(host.reconnects());
  CHECK(assess(target, uuid, wanted).holds());

  host.forget();
  REQUIRE(std::system(("virsh -q -c '" + uri() + "' resume crash").c_str()) == 0);
  CHECK(host.hears_of(uuid));
  const auto domain = target.observe(uuid).value().value();
  const std::string link =
      "virsh -q -c '" + uri() + "' domif-setlink crash " + domain.live->interfaces.front().mac + " up";
  REQUIRE(std::system(link.c_str()) == 0);
  CHECK(assess(target, uuid, wanted).reason == "LinkUp");
  require_done(target.cut_off(uuid, wanted));
  CHECK(assess(target, uuid, wanted).holds());
}

TEST_CASE("what is not there is gone, and what libvirt refuses is an error") {
  Host host;
  const DomainTarget target(host.hypervisor());
  const auto gone = target.observe("00000000-0000-4000-8000-000000000000");
  require_done(gone);
  CHECK_FALSE(gone->has_value());
  CHECK(host.hypervisor().status("no uuid").error().code == ErrorCode::kInvalidInput);
  CHECK(host.hypervisor().define("<domain/>").error().code == ErrorCode::kInvalidInput);
  CHECK(host.hypervisor().update_device(host.uuid_of("web1"), "<interface/>").error().message != "");
}
