// SPDX-License-Identifier: Apache-2.0
//
// Addresses that DHCP has given, as libvirt tells of them. The lab has no dnsmasq: what one would write into
// its record of leases is written by the tests.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/machines/host_site.h"
#include "tests/machines/machine_lab.h"

using namespace kintsugi;
using namespace kintsugi::machines;

namespace {

bool virsh(const std::string& arguments) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing changes the environment
  return std::system(fmt::format("virsh -q -c '{}' {}", uri(), arguments).c_str()) == 0;
}

std::string file_of(const std::string& name, const std::string& content) {
  const std::string path = lab_files() + "/" + name;
  std::ofstream(path) << content;
  return path;
}

/// A network with this bridge, which is never started, and what its dnsmasq would have written.
void make_network(const std::string& name, const std::string& bridge, const std::string& leases) {
  const std::string definition = fmt::format(
      "<network><name>{}</name><bridge name='{}'/><dns enable='no'/><ip address='192.0.2.1' "
      "netmask='255.255.255.0'/></network>",
      name, bridge);
  REQUIRE(virsh("net-define " + file_of(name + ".xml", definition)));
  std::filesystem::create_directories(lab_files() + "/lib/dnsmasq");
  file_of("lib/dnsmasq/" + bridge + ".status", leases);
}

std::string lease(const std::string& mac, const std::string& address, const std::string& until) {
  return fmt::format(
      R"({{"ip-address": "{}", "mac-address": "{}", "client-id": "01:ff", "expiry-time": {}}})", address, mac,
      until);
}

constexpr char kFar[] = "4102444800";

}  // namespace

TEST_CASE("libvirt tells of a network's leases, without those that have run out") {
  Host host;
  make_network("told", "told0",
               "[" + lease("52:54:00:AA:00:01", "192.0.2.21", kFar) + "," +
                   lease("52:54:00:aa:00:02", "192.0.2.22", "1000000000") + "]");
  const auto leases = host.hypervisor().leases("told");
  if (!leases) FAIL(leases.error().to_string());
  CHECK(*leases == std::vector<targets::DhcpLease>{{"52:54:00:aa:00:01", "192.0.2.21"}});
  make_network("empty", "empty0", "");
  CHECK(host.hypervisor().leases("empty")->empty());
  CHECK(host.hypervisor().leases("nowhere").error().code == ErrorCode::kNotFound);
}

TEST_CASE("a signal that names an address isolates the machine that has it by DHCP, and no other") {
  Host host;
  const std::string uuid = host.make_empty("leased");
  const std::string other = host.make_empty("besides");
  make_network("lan", "lan0", "[" + lease("52:54:00:aa:00:11", "192.0.2.11", kFar) + "]");
  REQUIRE(virsh("attach-interface leased network lan --mac 52:54:00:aa:00:11 --config"));
  REQUIRE(virsh("attach-interface besides network lan --mac 52:54:00:aa:00:12 --config"));
  Site site(playbook_of("contain-only", "[contain: {pause: true}]"));
  site.protect("leased");
  site.protect("besides");
  support::ControllerProcess& controller = site.start();
  const auto post = [&](const std::string& address) {
    return controller
        .post(R"({"rule": "Terminal shell", "priority": "Critical", "output": "a shell", "output_fields": )"
              R"({"container.id": "host", "kintsugi.address": ")" +
              address + "\"}}")
        .body;
  };
  CHECK_THAT(post("192.0.2.12"), Catch::Contains("\"gone\""));
  CHECK_THAT(post("192.0.2.11"), Catch::Contains("\"opened\"") && Catch::Contains(incident_of(uuid)));
  CHECK(site.logs("Contained=True"));
  CHECK(host.hypervisor().status(uuid)->state == targets::DomainState::kPaused);
  CHECK(host.hypervisor().status(other)->state == targets::DomainState::kRunning);
}
