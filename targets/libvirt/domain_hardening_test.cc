// SPDX-License-Identifier: Apache-2.0
#include "targets/libvirt/domain_hardening.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <catch2/catch.hpp>

#include "base/file.h"
#include "targets/libvirt/domain.h"
#include "targets/libvirt/domain_document.h"

namespace kintsugi::targets {
namespace {

constexpr char kQemu[] = "xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'";

const std::vector<Hardening> kAll{Hardening::kNoHostDevices,      Hardening::kNoGuestAgent,
                                  Hardening::kNoHostChannels,     Hardening::kNoSerialConsole,
                                  Hardening::kGraphicsOnLoopback, Hardening::kNoQemuCommandLine};

std::string machine(const std::string& devices, const std::string& more = "") {
  return fmt::format("<domain {}><name>web1</name><uuid>u</uuid>{}<devices>{}</devices></domain>", kQemu,
                     more, devices);
}

struct Hardened {
  std::string devices;  ///< what is in them, as text
  std::string all;
  std::string remarks;
};

Hardened hardened(const std::string& definition, const std::vector<Hardening>& list) {
  auto document = parse_domain_document(definition);
  if (!document) FAIL(document.error().to_string());
  std::vector<std::string> remarks;
  harden_domain(document->child("domain"), list, remarks);
  Hardened out;
  for (const pugi::xml_node device : document->child("domain").child("devices").children())
    out.devices += to_xml(device);
  out.all = to_xml(document->child("domain"));
  out.remarks = fmt::format("{}", fmt::join(remarks, "; "));
  return out;
}

constexpr char kGraphics[] = R"(<graphics type="vnc" listen="127.0.0.1"><listen type="address" address=)"
                             R"("127.0.0.1"/></graphics>)";

}  // namespace

TEST_CASE("each word takes out of a machine what it names, and nothing else") {
  struct Case {
    Hardening hardening;
    std::string devices;
    std::string left;
    std::string remarks;
  };
  const std::string agent =
      R"(<channel type="unix"><target type="virtio" name="org.qemu.guest_agent.0"/></channel>)";
  const std::string own = R"(<channel type="unix"><target type="virtio" name="org.example.0"/></channel>)";
  const std::string serial = R"(<serial type="pty"><target port="0"/></serial>)";
  const std::string console = R"(<console type="pty"><target port="0"/></console>)";
  const std::string card = R"(<interface type="bridge"/><disk type="file"/>)";
  const Case cases[] = {
      {Hardening::kNoHostDevices,
       "<hostdev mode='subsystem' type='pci'/><hostdev mode='subsystem' type='usb'/><redirdev bus='usb' "
       "type='spicevmc'/><redirfilter/><smartcard mode='host'/><tpm><backend type='passthrough'/></tpm>"
       "<input type='evdev'/>" +
           card + agent,
       card + agent,
       "hostdev pci is left out; hostdev usb is left out; redirdev spicevmc is left out; redirfilter is left "
       "out; smartcard is left out; tpm is left out; input evdev is left out"},
      {Hardening::kNoHostDevices, R"(<tpm><backend type="emulator"/></tpm><input type="tablet"/>)",
       R"(<tpm><backend type="emulator"/></tpm><input type="tablet"/>)", ""},
      {Hardening::kNoGuestAgent, agent + own + serial, own + serial,
       "channel org.qemu.guest_agent.0 is left out"},
      {Hardening::kNoHostChannels, agent + own + "<vsock/><shmem name='ring'/>" + serial, agent + serial,
       "channel org.example.0 is left out; vsock is left out; shmem ring is left out"},
      {Hardening::kNoHostChannels, "<graphics type='spice'><clipboard copypaste='yes'/></graphics>",
       R"(<graphics type="spice"><clipboard copypaste="no"/><filetransfer enable="no"/></graphics>)",
       "SPICE shares no clipboard and no files"},
      {Hardening::kNoSerialConsole, serial + console + "<parallel type='pty'/>" + agent, agent,
       "serial 0 is left out; console 0 is left out; parallel pty is left out"},
      {Hardening::kNoQemuCommandLine, serial, serial, ""},
      {Hardening::kReadOnlyRootFilesystem, serial + agent, serial + agent, ""},
      {Hardening::kNoServiceAccountToken, serial + agent, serial + agent, ""},
  };
  for (const Case& one : cases) {
    const Hardened made = hardened(machine(one.devices), {one.hardening});
    CHECK(made.devices == one.left);
    CHECK(made.remarks == one.remarks);
    CHECK(hardened(machine(one.devices), {}).remarks.empty());
  }
}

TEST_CASE("a network card that the guest drives itself stays, and is told of") {
  const std::string card =
      R"(<interface type="hostdev" managed="yes"><mac address="52:54:00:77:00:11"/></interface>)";
  const Hardened made = hardened(machine(card), {Hardening::kNoHostDevices});
  CHECK(made.devices == card);
  CHECK(made.remarks == "network card 52:54:00:77:00:11 stays the guest's own");
}

TEST_CASE("a screen that others than this host's users reach listens on loopback alone") {
  const char* const open[] = {
      "<graphics type='vnc'/>",  // as qemu.conf says, which is anything
      "<graphics type='vnc' listen='0.0.0.0'/>",
      "<graphics type='vnc'><listen type='address'/></graphics>",
      "<graphics type='vnc' listen='0.0.0.0'><listen type='address' address='0.0.0.0'/></graphics>",
      "<graphics type='vnc' listen='127.0.0.1'><listen type='address' address='::'/></graphics>",
      "<graphics type='vnc'><listen type='network' network='default'/></graphics>",
      "<graphics type='vnc'><listen type='socket'/><listen type='address' address='10.0.0.1'/></graphics>",
  };
  for (const char* graphics : open) {
    INFO(graphics);
    const Hardened made = hardened(machine(graphics), {Hardening::kGraphicsOnLoopback});
    CHECK(made.devices == kGraphics);
    CHECK(made.remarks == "vnc listens on 127.0.0.1");
    CHECK(hardened(made.all, {Hardening::kGraphicsOnLoopback}).remarks.empty());
  }
  const char* const closed[] = {
      R"(<graphics type="vnc" listen="127.0.0.1"/>)",
      R"(<graphics type="vnc"><listen type="address" address="::1"/></graphics>)",
      R"(<graphics type="spice"><listen type="none"/></graphics>)",
      R"(<graphics type="vnc" socket="/run/vnc"><listen type="socket" socket="/run/vnc"/></graphics>)",
      R"(<graphics type="egl-headless"/>)",
      R"(<graphics type="dbus"/>)",
  };
  for (const char* graphics : closed) {
    const Hardened made = hardened(machine(graphics), {Hardening::kGraphicsOnLoopback});
    CHECK(made.devices == graphics);
    CHECK(made.remarks.empty());
  }
}

TEST_CASE("what goes past libvirt to QEMU is left out, whatever its prefix is called") {
  const std::string arguments = "<qemu:commandline><qemu:arg value='-s'/></qemu:commandline>";
  const Hardened made = hardened(machine("", arguments + "<qemu:override/><title>qemu</title>"),
                                 {Hardening::kNoQemuCommandLine});
  CHECK_THAT(made.all, !Catch::Contains("qemu:") || !Catch::Contains("commandline"));
  CHECK_THAT(made.all, Catch::Contains("<title>qemu</title>") && !Catch::Contains("override"));
  CHECK(made.remarks == "qemu:commandline is left out; qemu:override is left out");
  const std::string uri = "http://libvirt.org/schemas/domain/qemu/1.0";
  for (const std::string& other : {"<q:commandline xmlns:q='" + uri + "'><q:arg value='-s'/></q:commandline>",
                                   "<commandline xmlns='" + uri + "'/>"}) {
    CHECK_THAT(hardened(machine("", other), {Hardening::kNoQemuCommandLine}).all,
               !Catch::Contains("commandline"));
  }
  CHECK_THAT(
      hardened(machine("", "<qemu:commandline xmlns:qemu='urn:other'/>"), {Hardening::kNoQemuCommandLine})
          .all,
      Catch::Contains("commandline"));
}

TEST_CASE("names from a definition are escaped for people, and a machine without devices is left alone") {
  const Hardened made = hardened(machine("<shmem name='a&#10;b'/>"), {Hardening::kNoHostChannels});
  CHECK(made.remarks.find('\n') == std::string::npos);
  CHECK(hardened("<domain><name>a</name><uuid>u</uuid></domain>", kAll).remarks.empty());
  const std::string whole = read_file("targets/libvirt/testdata/persistent.xml", kMaxDomainXmlBytes).value();
  const Domain before = parse_domain(whole).value();
  const Domain after = parse_domain(hardened(whole, kAll).all).value();
  CHECK(after.interfaces == before.interfaces);
  CHECK(after.disks == before.disks);
  for (const DomainPassage& passage : after.passages) CHECK(passage.kind == "filesystem");
  CHECK(hardened(hardened(whole, kAll).all, kAll).remarks.find("left out") == std::string::npos);
}

}  // namespace kintsugi::targets
