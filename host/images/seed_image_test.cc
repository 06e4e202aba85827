// SPDX-License-Identifier: Apache-2.0
#include "host/images/seed_image.h"

#include <archive.h>
#include <archive_entry.h>

#include <catch2/catch.hpp>
#include <map>
#include <memory>

#include "base/document.h"

using namespace kintsugi;
using namespace kintsugi::host;

namespace {

const FirstBoot kFirstBoot{"inc-web1-1", "web1", "#cloud-config\nssh_pwauth: false\n", "version: 2\n"};

struct ReadFile {
  std::string content;
  unsigned mode = 0;
  std::int64_t modified = -1;
};

/// What another reader finds in the image. `options`: how it is to read.
std::map<std::string, ReadFile> files_of(const std::string& image, const char* options = nullptr) {
  const std::unique_ptr<archive, int (*)(archive*)> reader(::archive_read_new(), ::archive_read_free);
  REQUIRE(::archive_read_support_format_iso9660(reader.get()) == ARCHIVE_OK);
  REQUIRE(::archive_read_set_options(reader.get(), options) == ARCHIVE_OK);
  REQUIRE(::archive_read_open_memory(reader.get(), image.data(), image.size()) == ARCHIVE_OK);
  std::map<std::string, ReadFile> files;
  archive_entry* entry = nullptr;
  while (::archive_read_next_header(reader.get(), &entry) == ARCHIVE_OK) {
    if (::archive_entry_filetype(entry) != AE_IFREG) continue;
    ReadFile& file = files[::archive_entry_pathname(entry)];
    file.mode = ::archive_entry_perm(entry);
    file.modified = ::archive_entry_mtime(entry);
    file.content.resize(std::size_t(::archive_entry_size(entry)));
    CHECK(::archive_read_data(reader.get(), file.content.data(), file.content.size()) ==
          la_ssize_t(file.content.size()));
  }
  const char* error = ::archive_error_string(reader.get());
  CHECK(std::string(error == nullptr ? "" : error).empty());
  return files;
}

FirstBoot with_user_data(std::string text) {
  FirstBoot first_boot = kFirstBoot;
  first_boot.user_data = std::move(text);
  return first_boot;
}

}  // namespace

TEST_CASE("the first-boot data is a volume 'cidata' that others read, by Rock Ridge and by Joliet") {
  const auto image = seed_image(kFirstBoot);
  REQUIRE(image);
  CHECK(image->size() % 2048 == 0);
  CHECK(image->substr(std::size_t{16} * 2048, 6) ==
        "\x01"
        "CD001");
  CHECK(image->substr(16 * 2048 + 40, 32) == "cidata" + std::string(26, ' '));
  const char* options = GENERATE(static_cast<const char*>(nullptr), "iso9660:!rockridge", "iso9660:!joliet");
  const auto files = files_of(*image, options);
  REQUIRE(files.size() == 3);
  CHECK(files.at("meta-data").content == "instance-id: \"inc-web1-1\"\nlocal-hostname: \"web1\"\n");
  CHECK(files.at("user-data").content == kFirstBoot.user_data);
  CHECK(files.at("network-config").content == "version: 2\n");
  CHECK(files.at("meta-data").modified == 0);
  if (options == nullptr || std::string(options) == "iso9660:!joliet")
    CHECK(files.at("user-data").mode == 0444);
}

TEST_CASE("the same first-boot data is the same image") {
  CHECK(seed_image(kFirstBoot) == seed_image(kFirstBoot));
  FirstBoot other = kFirstBoot;
  other.instance_id = "inc-web1-2";
  CHECK(seed_image(other).value() != seed_image(kFirstBoot).value());
}

TEST_CASE("without a network configuration there is no such file, and user data may be empty or large") {
  FirstBoot first_boot = kFirstBoot;
  first_boot.network_config.clear();
  first_boot.user_data.clear();
  auto files = files_of(seed_image(first_boot).value());
  CHECK(files.size() == 2);
  CHECK(files.at("user-data").content.empty());
  first_boot.user_data = "#!/bin/sh\n" + std::string(kMaxUserDataBytes - 10, 'x');
  CHECK(files_of(seed_image(first_boot).value()).at("user-data").content == first_boot.user_data);
}

TEST_CASE("an instance's id reads back as what it is, whatever stands in it") {
  FirstBoot first_boot = kFirstBoot;
  first_boot.instance_id =
      GENERATE(as<std::string>(), "a", "yes", "1", "a:b", "'x'", "\"", "\\", "#x", "{a}", "!x");
  const auto files = files_of(seed_image(first_boot).value());
  const auto document = parse_yaml_document(files.at("meta-data").content);
  REQUIRE(document);
  CHECK(document->members.size() == 2);
  REQUIRE(document->find("instance-id") != nullptr);
  CHECK(document->find("instance-id")->kind == Node::Kind::kString);
  CHECK(document->find("instance-id")->text == first_boot.instance_id);
}

TEST_CASE("names that could say more than a name are refused") {
  FirstBoot first_boot = kFirstBoot;
  SECTION("of the host") {
    first_boot.host_name = GENERATE(as<std::string>(), "", "a.b", "-a", "a-", "a b", "a\nb: c", "a\"",
                                    "\xC3\xA4", std::string(64, 'a'), std::string("a\0b", 3));
  }
  SECTION("of the instance") {
    first_boot.instance_id = GENERATE(as<std::string>(), "", "a b", "a\nb: c", "\t", "\x7F", "\xC3\xA4",
                                      std::string(256, 'a'), std::string("a\0b", 3));
  }
  const auto image = seed_image(first_boot);
  REQUIRE_FALSE(image);
  CHECK(image.error().code == ErrorCode::kInvalidInput);
}

TEST_CASE("user data has a form that cloud-init knows") {
  for (const char* good :
       {"#cloud-config", "#cloud-config\n", "#cloud-config \nx: y", "#!/bin/sh\n", "#!",
        "Content-Type: multipart/mixed; boundary=x\nMIME-Version: 1.0\n\n--x--\n", "mime-version: 1.0\n"}) {
    INFO(good);
    CHECK(seed_image(with_user_data(good)));
  }
  for (const std::string& bad :
       {std::string("hello"), std::string(" #cloud-config"), std::string("#cloud-configuration"),
        std::string("#cloud-config-archive\n"), std::string("#include\nhttps://evil.example.com"),
        std::string("#include-once"), std::string("## template: jinja\n#cloud-config"),
        std::string("\x1F\x8B"), std::string("\n#cloud-config"), std::string("\0#!", 3),
        std::string("Content-Type: text/plain\n"), std::string(4096, ' ') + "MIME-Version: 1.0"}) {
    INFO(bad.substr(0, 64));
    const auto image = seed_image(with_user_data(bad));
    REQUIRE_FALSE(image);
    CHECK(image.error().code == ErrorCode::kInvalidInput);
  }
}

TEST_CASE("first-boot data has bounds") {
  CHECK(seed_image(with_user_data("#!" + std::string(kMaxUserDataBytes - 1, 'x'))).error().code ==
        ErrorCode::kTooLarge);
  FirstBoot first_boot = kFirstBoot;
  first_boot.network_config.assign(kMaxNetworkConfigBytes + 1, 'x');
  CHECK(seed_image(first_boot).error().code == ErrorCode::kTooLarge);
}
