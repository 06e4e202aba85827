// SPDX-License-Identifier: Apache-2.0
#include "targets/libvirt/qemu_arguments.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <sstream>
#include <string>

#include "targets/libvirt/domain_document.h"

namespace kintsugi::targets {
namespace {

constexpr char kDeclared[] = " xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'";

std::string machine(const std::string& inner, const std::string& declared = kDeclared) {
  return "<domain" + declared + "><name>a</name><uuid>u</uuid>" + inner + "</domain>";
}

/// Of words between spaces.
std::string with_arguments(const std::string& words) {
  std::istringstream in(words);
  std::string inner;
  for (std::string word; in >> word;) inner += fmt::format("<qemu:arg value='{}'/>", word);
  return machine("<qemu:commandline>" + inner + "</qemu:commandline>");
}

/// The passages' names, by commas.
std::string passages_of(const std::string& definition) {
  const auto domain = parse_domain(definition);
  REQUIRE(domain);
  std::string names;
  for (const DomainPassage& passage : domain->passages) {
    CHECK(passage.kind == kQemuPassage);
    CHECK(passage.is_fixed());
    CHECK_FALSE(passage.is_local);
    names += (names.empty() ? "" : ", ") + passage.name;
  }
  return names;
}

}  // namespace

TEST_CASE("what QEMU is given past libvirt leads out, but for what is known to change the machine alone") {
  const auto [arguments, passages] = GENERATE(table<std::string, std::string>({
      {"-netdev user,id=n0 -device e1000,netdev=n0", "-device, -netdev"},
      {"-nic user", "-nic"},
      {"--chardev socket,path=/run/a,id=c", "-chardev"},
      {"-device vfio-pci,host=03:00.0 -device ivshmem", "-device"},
      {"-s", "-s"},
      {"-monitor tcp:198.51.100.1:4444 -no-reboot", "-monitor"},
      {"-of-tomorrow x", "-of-tomorrow"},
      {"disk.img", "an argument without option"},
      {"-no-reboot disk.img", "an argument without option"},
      {"-cpu host disk.img", "an argument without option"},
      {"-", "an argument without option"},
      {"-no-reboot -cpu host,+x -global ICH9-LPC.disable_s3=1 -machine x", ""},
      {"", ""},
  }));
  CHECK(passages_of(with_arguments(arguments)) == passages);
}

TEST_CASE("arguments are found by their namespace, whatever its prefix is called") {
  const std::string uri = "http://libvirt.org/schemas/domain/qemu/1.0";
  CHECK(passages_of(
            machine("<q:commandline xmlns:q='" + uri + "'><q:arg value='-s'/></q:commandline>", "")) == "-s");
  CHECK(passages_of(machine("<commandline xmlns='" + uri + "'><arg value='-s'/></commandline>", "")) == "-s");
  for (const char* other :
       {"<qemu:commandline xmlns:qemu='urn:other'><qemu:arg value='-s'/></qemu:commandline>",
        "<qemu:commandline><qemu:env name='-s' value='-s'/></qemu:commandline>",
        "<qemu:override><qemu:device alias='net0'/></qemu:override>",
        "<metadata><qemu:commandline><qemu:arg value='-s'/></qemu:commandline></metadata>",
        "<commandline><arg value='-s'/></commandline>"}) {
    INFO(other);
    CHECK(passages_of(machine(other)).empty());
  }
}

TEST_CASE("an option is named without its value, short and on one line, and each once") {
  const std::string names =
      passages_of(with_arguments("-object secret,id=s,data=hunter2 -object tls-creds-x509,id=t -a&#10;b"));
  CHECK(names.find("hunter2") == std::string::npos);
  CHECK(names.find('\n') == std::string::npos);
  CHECK(names.starts_with("-a"));
  CHECK(names.ends_with(", -object"));
  const std::string endless = "-" + std::string(100'000, 'x');
  CHECK(passages_of(with_arguments(endless)).size() < 100);
}

}  // namespace kintsugi::targets
