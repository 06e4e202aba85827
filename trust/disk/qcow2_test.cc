// SPDX-License-Identifier: Apache-2.0
#include "trust/disk/qcow2.h"

#include <catch2/catch.hpp>
#include <vector>

#include "base/file.h"
#include "trust/crypto/reasons.h"

using namespace kintsugi;
using namespace kintsugi::trust;

namespace {

constexpr std::uint64_t kCluster = 65'536;
constexpr std::size_t kExtensions = 112;

void put(std::string& bytes, std::size_t at, std::size_t size, std::uint64_t value) {
  for (std::size_t i = 0; i < size; ++i) bytes[at + i] = char(value >> 8 * (size - 1 - i));
}

/// The first cluster of an empty image of 1 GiB: header, refcount table, one refcount block and L1 table have
/// a cluster each.
std::string good_head() {
  std::string head(kCluster, '\0');
  head.replace(0, 4, "QFI\xFB");
  put(head, 4, 4, 3);
  put(head, 20, 4, 16);
  put(head, 24, 8, 1u << 30);
  put(head, 36, 4, 2);
  put(head, 40, 8, 3 * kCluster);
  put(head, 48, 8, kCluster);
  put(head, 56, 4, 1);
  put(head, 96, 4, 4);
  put(head, 100, 4, 112);
  return head;
}
constexpr std::uint64_t kGoodSize = 3 * kCluster + 16;

struct Field {
  std::size_t at, size;
  std::uint64_t value;
};
using Fields = std::vector<Field>;

std::string with(const Fields& fields, std::string head = good_head()) {
  for (const Field& field : fields) put(head, field.at, field.size, field.value);
  return head;
}

/// "good", or the reason why not.
std::string verdict(const std::string& head, std::uint64_t file_size = kGoodSize) {
  const auto image = check_qcow2(head, file_size);
  return image ? "good" : image.error().reason;
}

/// An extension with as much content as it says.
std::string extension(std::uint64_t type, std::size_t length) {
  std::string bytes(8 + (length + 7) / 8 * 8, '\0');
  put(bytes, 0, 4, type);
  put(bytes, 4, 4, length);
  return bytes;
}

std::string with_extensions(const std::string& extensions, std::size_t at = kExtensions) {
  return good_head().replace(at, extensions.size(), extensions);
}

}  // namespace

TEST_CASE("a qcow2 image that stands alone is good") {
  const auto image = check_qcow2(good_head(), kGoodSize);
  REQUIRE(image);
  CHECK(image->version == 3);
  CHECK(image->virtual_size == 1u << 30);
  CHECK(verdict(good_head(), UINT64_MAX) == "good");
}

TEST_CASE("the image among the test data is good, whole or by its first bytes") {
  const std::string bytes = read_file("trust/testdata/disk/disk.qcow2", 1u << 20).value();
  const auto image = check_qcow2(bytes, bytes.size());
  REQUIRE(image);
  CHECK(image->virtual_size == 1u << 20);
  CHECK(check_qcow2(bytes.substr(0, 512), bytes.size()));
  CHECK_FALSE(check_qcow2(bytes, bytes.size() - 257));
}

TEST_CASE("fields of a qcow2 header may have every value that the specification gives them") {
  const auto fields = GENERATE(values<Fields>({
      {{4, 4, 2}},                            // version 2
      {{4, 4, 2}, {72, 8, 0}, {96, 4, 77}},   // its header ends before these
      {{24, 8, 0}},                           // an empty disk
      {{24, 8, 0}, {36, 4, 0}, {40, 8, 0}},   // which needs no L1 table
      {{36, 4, 2}, {24, 8, (1u << 30) - 1}},  // a disk that is no whole cluster
      {{72, 8, 8}, {104, 1, 1}},              // zstd
      {{72, 8, 16}, {24, 8, 1u << 29}},       // extended L2 entries
      {{80, 8, UINT64_MAX}},                  // compatible features
      {{88, 8, UINT64_MAX - 3}},              // unknown autoclear features
      {{96, 4, 0}},                           // refcounts of a bit
      {{96, 4, 6}},                           // of 64 bits
      {{100, 4, 104}},                        // without a compression type
      {{100, 4, 120}},                        // with fields to come
      {{40, 8, kCluster}},                    // tables may lie anywhere
      {{60, 4, 1}, {64, 8, kCluster}},        // a snapshot
      {{64, 8, 7}},                           // no snapshot, whatever the offset
  }));
  INFO(fields.front().at << " " << fields.front().value);
  CHECK(verdict(with(fields)) == "good");
}

TEST_CASE("the virtual size goes up to 64 TiB, where the L1 table covers it") {
  const std::uint64_t bytes_per_entry = kCluster / 8 * kCluster;
  const std::uint64_t entries = kMaxVirtualSize / bytes_per_entry;
  const std::uint64_t size = 3 * kCluster + 8 * entries;
  CHECK(verdict(with({{24, 8, kMaxVirtualSize}, {36, 4, entries}}), size) == "good");
  CHECK(verdict(with({{24, 8, kMaxVirtualSize}, {36, 4, entries}}), size - 1) == reason::kDiskMalformed);
  CHECK(verdict(with({{24, 8, kMaxVirtualSize}, {36, 4, entries - 1}}), size) == reason::kDiskMalformed);
  for (const std::uint64_t large : {kMaxVirtualSize + 1, std::uint64_t{1} << 63, UINT64_MAX})
    CHECK(verdict(with({{24, 8, large}, {36, 4, UINT32_MAX}}), UINT64_MAX) == reason::kTooLarge);
}

TEST_CASE("a qcow2 image that needs anything else is refused with its reason") {
  struct Case {
    const char* what;
    Fields fields;
    const char* reason;
  };
  const auto c = GENERATE(values<Case>({
      {"another magic", {{0, 4, 0x514649FA}}, reason::kDiskMalformed},
      {"version 0", {{4, 4, 0}}, reason::kDiskFormatUnsupported},
      {"version 1", {{4, 4, 1}}, reason::kDiskFormatUnsupported},
      {"version 4", {{4, 4, 4}}, reason::kDiskFormatUnsupported},
      {"version 2^24", {{4, 4, 1u << 24}}, reason::kDiskFormatUnsupported},
      {"a backing file", {{8, 8, 512}, {16, 4, 8}}, reason::kDiskBackingFile},
      {"a backing file's offset", {{8, 8, 1}}, reason::kDiskBackingFile},
      {"a backing file's far offset", {{8, 8, std::uint64_t{1} << 63}}, reason::kDiskBackingFile},
      {"a backing file's size", {{16, 4, 1}}, reason::kDiskBackingFile},
      {"a backing file in version 2", {{4, 4, 2}, {8, 8, 512}, {16, 4, 8}}, reason::kDiskBackingFile},
      {"AES", {{32, 4, 1}}, reason::kDiskEncrypted},
      {"LUKS", {{32, 4, 2}}, reason::kDiskEncrypted},
      {"another encryption", {{32, 4, 0x80000000}}, reason::kDiskEncrypted},
      {"dirty", {{72, 8, 1}}, reason::kDiskNotClean},
      {"corrupt", {{72, 8, 2}}, reason::kDiskNotClean},
      {"external data", {{72, 8, 4}}, reason::kDiskExternalDataFile},
      {"external data among others", {{72, 8, UINT64_MAX}}, reason::kDiskExternalDataFile},
      {"raw external data", {{88, 8, 2}}, reason::kDiskExternalDataFile},
      {"incompatible bit 5", {{72, 8, 32}}, reason::kDiskFormatUnsupported},
      {"incompatible bit 63", {{72, 8, std::uint64_t{1} << 63}}, reason::kDiskFormatUnsupported},
      {"zstd without its type", {{72, 8, 8}}, reason::kDiskMalformed},
      {"zstd in a short header", {{72, 8, 8}, {100, 4, 104}}, reason::kDiskMalformed},
      {"a type without zstd", {{104, 1, 1}}, reason::kDiskMalformed},
      {"another type", {{72, 8, 8}, {104, 1, 2}}, reason::kDiskFormatUnsupported},
      {"clusters of 1", {{20, 4, 0}}, reason::kDiskMalformed},
      {"clusters of 256", {{20, 4, 8}}, reason::kDiskMalformed},
      {"clusters of 4 MiB", {{20, 4, 22}}, reason::kDiskMalformed},
      {"clusters of 2^64", {{20, 4, 64}}, reason::kDiskMalformed},
      {"clusters of 2^(2^32-1)", {{20, 4, UINT32_MAX}}, reason::kDiskMalformed},
      {"extended L2 in clusters of 8 KiB", {{72, 8, 16}, {20, 4, 13}}, reason::kDiskMalformed},
      {"extended L2 covers half", {{72, 8, 16}}, reason::kDiskMalformed},
      {"no header", {{100, 4, 0}}, reason::kDiskMalformed},
      {"a header of version 2", {{100, 4, 72}}, reason::kDiskMalformed},
      {"a header of 96", {{100, 4, 96}}, reason::kDiskMalformed},
      {"a header of 108", {{100, 4, 108}}, reason::kDiskMalformed},
      {"a header of a cluster", {{100, 4, kCluster}}, reason::kDiskMalformed},
      {"a header over the first cluster", {{100, 4, 520}, {20, 4, 9}}, reason::kDiskMalformed},
      {"a header over the file", {{100, 4, UINT32_MAX - 7}}, reason::kDiskMalformed},
      {"refcounts of 128 bits", {{96, 4, 7}}, reason::kDiskMalformed},
      {"refcounts of 2^(2^32-1) bits", {{96, 4, UINT32_MAX}}, reason::kDiskMalformed},
      {"too small an L1 table", {{36, 4, 1}}, reason::kDiskMalformed},
      {"no L1 table", {{36, 4, 0}}, reason::kDiskMalformed},
      {"an L1 table over the file", {{36, 4, 3}}, reason::kDiskMalformed},
      {"an L1 table of 32 GiB", {{36, 4, UINT32_MAX}}, reason::kDiskMalformed},
      {"an L1 table in the header", {{40, 8, 0}}, reason::kDiskMalformed},
      {"an L1 table beside a cluster", {{40, 8, 3 * kCluster - 8}}, reason::kDiskMalformed},
      {"an L1 table behind the file", {{40, 8, 4 * kCluster}}, reason::kDiskMalformed},
      {"an L1 table at the end of numbers", {{40, 8, UINT64_MAX - kCluster + 1}}, reason::kDiskMalformed},
      {"no refcount table", {{56, 4, 0}}, reason::kDiskMalformed},
      {"a refcount table in the header", {{48, 8, 0}}, reason::kDiskMalformed},
      {"a refcount table beside a cluster", {{48, 8, kCluster + 1}}, reason::kDiskMalformed},
      {"a refcount table over the file", {{48, 8, 3 * kCluster}}, reason::kDiskMalformed},
      {"too long a refcount table", {{56, 4, 3}}, reason::kDiskMalformed},
      {"the longest refcount table", {{56, 4, UINT32_MAX}}, reason::kDiskMalformed},
      {"snapshots in the header", {{60, 4, 1}}, reason::kDiskMalformed},
      {"snapshots beside a cluster", {{60, 4, 1}, {64, 8, kCluster + 8}}, reason::kDiskMalformed},
      {"snapshots over the file", {{60, 4, 1}, {64, 8, 3 * kCluster}}, reason::kDiskMalformed},
      {"snapshots behind the file", {{60, 4, 1}, {64, 8, 8 * kCluster}}, reason::kDiskMalformed},
  }));
  INFO(c.what);
  CHECK(verdict(with(c.fields)) == c.reason);
}

TEST_CASE("tables have an end, however large the file") {
  const std::uint64_t l1_entries = (32u << 20) / 8, snapshots = 65'536,
                      refcount_clusters = (8u << 20) / kCluster;
  CHECK(verdict(with({{36, 4, l1_entries}}), UINT64_MAX) == "good");
  CHECK(verdict(with({{36, 4, l1_entries + 1}}), UINT64_MAX) == reason::kDiskMalformed);
  CHECK(verdict(with({{56, 4, refcount_clusters}}), UINT64_MAX) == "good");
  CHECK(verdict(with({{56, 4, refcount_clusters + 1}}), UINT64_MAX) == reason::kDiskMalformed);
  CHECK(verdict(with({{60, 4, snapshots}, {64, 8, kCluster}}), UINT64_MAX) == "good");
  CHECK(verdict(with({{60, 4, snapshots + 1}, {64, 8, kCluster}}), UINT64_MAX) == reason::kDiskMalformed);
}

TEST_CASE("a table at the end of numbers does not begin anew") {
  const std::uint64_t last_cluster = UINT64_MAX - kCluster + 1;
  CHECK(verdict(with({{40, 8, last_cluster}, {36, 4, kCluster / 8 - 1}}), UINT64_MAX) == "good");
  for (const std::uint64_t entries : {kCluster / 8, kCluster / 8 + 1, kCluster})
    CHECK(verdict(with({{40, 8, last_cluster}, {36, 4, entries}}), UINT64_MAX) == reason::kDiskMalformed);
}

TEST_CASE("each size of cluster is good that QEMU makes") {
  for (std::uint32_t bits = 9; bits <= 21; ++bits) {
    INFO(bits);
    const std::uint64_t cluster = std::uint64_t{1} << bits;
    const std::uint64_t entries = (1u << 20) / (cluster / 8 * cluster) + 1;
    std::string head =
        with({{20, 4, bits}, {24, 8, 1u << 20}, {36, 4, entries}, {40, 8, 3 * cluster}, {48, 8, cluster}});
    head.resize(cluster);
    CHECK(verdict(head, 3 * cluster + 8 * entries) == "good");
    CHECK(verdict(head, 3 * cluster + 8 * entries - 1) == reason::kDiskMalformed);
  }
}

TEST_CASE("an image that is cut anywhere is refused") {
  const std::string head = good_head();
  for (std::size_t size = 0; size < 120; ++size) {
    INFO(size);
    CHECK(verdict(head.substr(0, size), size) == reason::kDiskMalformed);
  }
  for (const std::uint64_t size : {kCluster, 2 * kCluster, 3 * kCluster, kGoodSize - 1})
    CHECK(verdict(head, size) == reason::kDiskMalformed);
}

TEST_CASE("extensions that are not known are passed over") {
  const std::string end = extension(0, 0);
  const std::string names = extension(0x6803F857, 384), bitmaps = extension(0x23852875, 24);
  // What follows the end is none.
  const std::string behind_end = end + extension(0xE2792ACA, 3);
  for (const std::string& good : {std::string(), names, names + bitmaps, extension(0x12345678, 0),
                                  extension(0x12345678, 1), extension(0x12345678, 7) + names})
    CHECK(verdict(with_extensions(std::string(good).append(behind_end))) == "good");
}

TEST_CASE("bitmaps that are in use are there, and no extension is there twice") {
  const std::string end = extension(0, 0), bitmaps = extension(0x23852875, 24);
  CHECK(verdict(with({{88, 8, 1}}, with_extensions(bitmaps + end))) == "good");
  CHECK(verdict(with({{88, 8, 1}}, with_extensions(extension(1, 24) + bitmaps + end))) == "good");
  for (const std::string& without : {end, extension(1, 24) + end, end + bitmaps})
    CHECK(verdict(with({{88, 8, 1}}, with_extensions(without))) == reason::kDiskMalformed);
  for (const std::string& one : {bitmaps, extension(0x6803F857, 48), extension(7, 0)})
    CHECK(verdict(with_extensions(std::string(one).append(extension(8, 8)).append(one).append(end))) ==
          reason::kDiskMalformed);
}

TEST_CASE("an extension that names another file is refused wherever it stands") {
  struct Case {
    std::uint64_t type;
    const char* reason;
  };
  const auto c = GENERATE(values<Case>({
      {0xE2792ACA, reason::kDiskBackingFile},
      {0x44415441, reason::kDiskExternalDataFile},
      {0x0537BE77, reason::kDiskEncrypted},
  }));
  for (const std::size_t length :
       {std::size_t(0), std::size_t(1), std::size_t(5), std::size_t(16), std::size_t(200)}) {
    for (const std::string& before : {std::string(), extension(0x6803F857, 384), extension(1, 3)}) {
      const std::string head = with_extensions(before + extension(c.type, length) + extension(0, 0));
      CHECK(verdict(head) == c.reason);
      // Version 2 has them, too, after its shorter header.
      CHECK(verdict(with({{4, 4, 2}}, with_extensions(extension(c.type, length), 72))) == c.reason);
    }
  }
  // Its name alone is enough, whatever its length.
  std::string head = with_extensions(extension(c.type, 0));
  put(head, kExtensions + 4, 4, UINT32_MAX);
  CHECK(verdict(head) == c.reason);
}

TEST_CASE("extensions end within the first cluster") {
  const std::size_t space = kCluster - kExtensions;
  std::string filled = with_extensions(extension(1, space - 16));
  CHECK(verdict(filled) == "good");
  for (const std::uint64_t length :
       {std::uint64_t{space - 8}, std::uint64_t{space - 7}, std::uint64_t{kCluster}, std::uint64_t{INT32_MAX},
        std::uint64_t{UINT32_MAX - 7}, std::uint64_t{UINT32_MAX}}) {
    INFO(length);
    put(filled, kExtensions + 4, 4, length);
    CHECK(verdict(filled) == reason::kDiskMalformed);
    CHECK(verdict(filled, UINT64_MAX) == reason::kDiskMalformed);
  }
}
