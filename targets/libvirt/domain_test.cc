// SPDX-License-Identifier: Apache-2.0
#include "targets/libvirt/domain.h"

#include <catch2/catch.hpp>

#include "base/file.h"

namespace kintsugi::targets {
namespace {

std::string data(const std::string& name) {
  return read_file("targets/libvirt/testdata/" + name, kMaxDomainXmlBytes).value();
}

}  // namespace

TEST_CASE("a definition tells what a domain is made of") {
  const auto domain = parse_domain(data("persistent.xml"));
  REQUIRE(domain);
  CHECK(domain->name == "web1");
  CHECK(domain->uuid == "4dea22b3-1d52-d8f3-2516-782e98ab3fa0");
  CHECK(domain->memory_bytes == 256u << 20);
  CHECK(domain->incident.empty());
  CHECK(domain->interfaces ==
        std::vector<DomainInterface>{
            {"52:54:00:77:00:11", "bridge", "br77", "", LinkState::kUnset, "clean-traffic", "", true},
            {"52:54:00:77:00:12", "network", "storage", "", LinkState::kUp, "", "storage"},
            {"52:54:00:77:00:13", "hostdev", "", "", LinkState::kUnset, ""}});
  CHECK(domain->disks ==
        std::vector<DomainDisk>{{"vda", "disk", "file", "/srv/vm/web1.g1.qcow2", "qcow2", false, false},
                                {"sda", "cdrom", "file", "", "", true, false}});
  CHECK(domain->passages == std::vector<DomainPassage>{{"filesystem", "share"},
                                                       {"serial", "0", false, true},
                                                       {"console", "0", false, true},
                                                       {"channel", "org.qemu.guest_agent.0"},
                                                       {"channel", "com.redhat.spice.0"},
                                                       {"hostdev", "usb"},
                                                       {"redirdev", "spicevmc"}});
}

TEST_CASE("a domain's terms are in its metadata, with the prefixes of libvirt and without") {
  const auto [label, address] =
      GENERATE(table<std::string, std::string>({{"label", "address"}, {"k:label", "k:address"}}));
  const auto domain = parse_domain(
      "<domain><name>a</name><uuid>u</uuid><metadata><k:domain xmlns:k='https://kintsugi.dev/domain/v1' "
      "protected='true' mode='observe'><" +
      label + " name='app' value='web'/><" + address + " value='10.77.0.11'/><" + address +
      " value='none'/></k:domain></metadata></domain>");
  REQUIRE(domain);
  DomainTerms wanted{true, "observe", {{"app", "web"}}, {"10.77.0.11"}};
  wanted.problems = {"'none' is no address"};
  CHECK(domain->terms == wanted);
}

TEST_CASE("a domain is protected by nothing else than its terms") {
  for (const char* terms : {"", "<k:domain xmlns:k='https://kintsugi.dev/domain/v1'/>",
                            "<k:domain xmlns:k='https://kintsugi.dev/domain/v1' protected='yes'/>",
                            "<k:domain xmlns:k='https://other.example.com/' protected='true'/>",
                            "<domain xmlns='https://kintsugi.dev/domain/v1' protected='true'/>",
                            "<k:domain xmlns:j='https://kintsugi.dev/domain/v1' protected='true'/>"}) {
    INFO(terms);
    const auto domain = parse_domain("<domain><name>a</name><uuid>u</uuid><metadata>" + std::string(terms) +
                                     "</metadata></domain>");
    REQUIRE(domain);
    CHECK_FALSE(domain->terms.is_protected);
  }
}

TEST_CASE("a host's device that the guest drives leads out of it, and its disks do not") {
  const auto [device, leads_out] = GENERATE(table<std::string, bool>({
      {"<hostdev mode='subsystem' type='pci'/>", true},
      {"<hostdev mode='subsystem' type='usb'/>", true},
      {"<hostdev mode='subsystem' type='mdev' model='vfio-pci'/>", true},
      {"<hostdev mode='subsystem' type='of-tomorrow'/>", true},
      {"<hostdev mode='subsystem' type='scsi'/>", false},
      {"<hostdev mode='subsystem' type='scsi_host'/>", false},
      {"<rng/>", false},
  }));
  INFO(device);
  const auto domain =
      parse_domain("<domain><name>a</name><uuid>u</uuid><devices>" + device + "</devices></domain>");
  REQUIRE(domain);
  CHECK(domain->passages.empty() != leads_out);
}

TEST_CASE("a serial port that cannot be unplugged leads out where it is led over a network or to a device") {
  const auto [device, is_local] = GENERATE(table<std::string, bool>({
      {"<serial type='pty'/>", true},
      {"<console type='file'/>", true},
      {"<parallel type='unix'/>", true},
      {"<smartcard mode='passthrough' type='spicevmc'/>", true},
      {"<serial type='tcp'><source mode='connect' host='198.51.100.1' service='4444'/></serial>", false},
      {"<console type='udp'/>", false},
      {"<parallel type='dev'><source path='/dev/parport0'/></parallel>", false},
      {"<channel type='unix'/>", false},  // a channel can be unplugged
  }));
  INFO(device);
  const auto domain =
      parse_domain("<domain><name>a</name><uuid>u</uuid><devices>" + device + "</devices></domain>");
  REQUIRE(domain);
  REQUIRE(domain->passages.size() == 1);
  CHECK(domain->passages.front().is_local == is_local);
}

TEST_CASE("a running domain names its tap") {
  const auto domain = parse_domain(data("live.xml"));
  REQUIRE(domain);
  CHECK(domain->interfaces.front().tap == "web1-0");
}

TEST_CASE("what is no definition is an error") {
  const auto [name, xml] = GENERATE(table<std::string, std::string>({
      {"nothing", ""},
      {"text", "web1"},
      {"truncated", "<domain type='qemu'><name>web1</name>"},
      {"another element", "<network><name>n</name></network>"},
      {"two documents", "<domain><name>a</name><uuid>u</uuid></domain><domain/>"},
      {"no name", "<domain><uuid>u</uuid></domain>"},
      {"no uuid", "<domain><name>a</name></domain>"},
      {"crossed tags", "<domain><name>a</domain></name>"},
  }));
  INFO(name);
  const auto parsed = parse_domain(xml);
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code == ErrorCode::kInvalidInput);
}

TEST_CASE("a definition has limits") {
  std::string devices;
  for (std::size_t i = 0; i <= kMaxDomainDevices; ++i) devices += "<rng/>";
  const auto wide =
      parse_domain("<domain><name>a</name><uuid>u</uuid><devices>" + devices + "</devices></domain>");
  REQUIRE_FALSE(wide);
  CHECK(wide.error().code == ErrorCode::kTooLarge);
  const auto large = parse_domain(std::string(kMaxDomainXmlBytes + 1, ' '));
  REQUIRE_FALSE(large);
  CHECK(large.error().code == ErrorCode::kTooLarge);
  std::string deep;
  for (int i = 0; i < 200'000; ++i) deep += "<a>";
  CHECK_FALSE(parse_domain(deep));
}

TEST_CASE("entities of a document type are not expanded") {
  const auto domain = parse_domain(
      "<!DOCTYPE domain [<!ENTITY e SYSTEM 'file:///etc/hostname'>]>"
      "<domain><name>a&e;</name><uuid>u</uuid></domain>");
  if (domain) CHECK(domain->name == "a&e;");
}

TEST_CASE("memory is read in its unit") {
  const auto [text, bytes] = GENERATE(table<std::string, std::uint64_t>({
      {"<memory>1024</memory>", 1u << 20},
      {"<memory unit='MiB'>256</memory>", 256u << 20},
      {"<memory unit='GiB'>2</memory>", 2ull << 30},
      {"<memory unit='bytes'>4096</memory>", 4096},
      {"<memory unit='parsec'>1</memory>", 0},
      {"<memory unit='TiB'>99999999999</memory>", 0},
      {"", 0},
  }));
  const auto domain = parse_domain("<domain><name>a</name><uuid>u</uuid>" + text + "</domain>");
  REQUIRE(domain);
  CHECK(domain->memory_bytes == bytes);
}

}  // namespace kintsugi::targets
