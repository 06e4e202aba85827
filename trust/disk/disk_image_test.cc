// SPDX-License-Identifier: Apache-2.0
#include "trust/disk/disk_image.h"

#include <catch2/catch.hpp>

#include "base/file.h"
#include "trust/crypto/reasons.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using namespace std::string_literals;

TEST_CASE("a disk image is qcow2 by its magic, and raw without any") {
  const std::string qcow2 = read_file("trust/testdata/disk/disk.qcow2", 1u << 20).value();
  const auto image = check_disk_image(qcow2, qcow2.size());
  REQUIRE(image);
  CHECK(to_string(image->format) == "qcow2");
  CHECK(image->virtual_size == 1u << 20);
  const auto raw = check_disk_image(std::string(512, '\0'), 4096);
  REQUIRE(raw);
  CHECK(to_string(raw->format) == "raw");
  CHECK(raw->virtual_size == 4096);
}

TEST_CASE("a file that only begins as qcow2 is not raw") {
  for (const std::size_t size : {std::size_t(4), std::size_t(8), std::size_t(511), std::size_t(4096)}) {
    std::string head(size, '\0');
    head.replace(0, 4, "QFI\xFB");
    CHECK_FALSE(check_disk_image(head, size));
  }
}

TEST_CASE("disk images of formats that can name other files are refused by name") {
  struct Case {
    std::string head;
    const char* format;
  };
  const auto c = GENERATE(values<Case>({
      {"KDMV\1\0\0\0"s, "VMDK"},
      {"COWD"s, "VMDK"},
      {"# Disk DescriptorFile\nversion=1\n"s, "VMDK"},
      {"version=1\n"s, "VMDK"},
      {"version=3\r\n"s, "VMDK"},
      {"# a comment\nversion=1\n"s, "VMDK"},
      {"#\r\n  \r\n \n#\nversion=2\n"s, "VMDK"},
      {"vhdxfile"s, "VHDX"},
      {"conectix"s, "VHD"},
      {std::string(64, 'a') + "\x7F\x10\xDA\xBE", "VDI"},
      {"<<< Oracle VM VirtualBox Disk Image >>>\n"s + std::string(24, '\0') + "\x7F\x10\xDA\xBE", "VDI"},
      {"QED\0"s, "QED"},
      {"WithoutFreeSpace"s, "Parallels"},
      {"WithouFreSpacExt"s, "Parallels"},
      {"Bochs Virtual HD Image"s, "Bochs"},
  }));
  INFO(c.head);
  for (const std::size_t size : {c.head.size(), std::size_t(4096)}) {
    std::string head = c.head;
    head.resize(size);
    const auto refused = check_disk_image(head, size);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::kUnsupported);
    CHECK(refused.error().reason == reason::kDiskFormatUnsupported);
    CHECK_THAT(refused.error().message, Catch::Contains(c.format));
  }
}

TEST_CASE("a raw image may have such words elsewhere") {
  for (const std::string& start :
       {"\0KDMV"s, "kdmv"s, "QEDx"s, "vhdxfil"s, "# a comment"s, "# a comment\nx\nversion=1"s,
        "  x\nversion=1"s, "\nversion=1"s, "Version=1"s, std::string(63, 'a') + "\x7F\x10\xDA\xBE",
        "\x7F\x10\xDA\xBE"s, "QFI\xFA"s}) {
    INFO(start);
    std::string head = start;
    head.resize(512);
    CHECK(check_disk_image(head, 512));
  }
}

TEST_CASE("what is shorter than a sector is no disk") {
  for (const std::size_t size : {std::size_t(0), std::size_t(1), std::size_t(511)}) {
    const auto refused = check_disk_image(std::string(size, '\0'), size);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().reason == reason::kDiskMalformed);
  }
}
