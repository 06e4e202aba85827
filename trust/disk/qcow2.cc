// SPDX-License-Identifier: Apache-2.0
#include "trust/disk/qcow2.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "trust/crypto/refusal.h"

namespace kintsugi::trust {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::string_view kMagic = "QFI\xFB"sv;
constexpr std::uint32_t kHeaderBytesOfVersion2 = 72, kLeastHeaderBytesOfVersion3 = 104;
constexpr std::size_t kExtensionHead = 8;

// What QEMU reads at most, or at least.
constexpr std::uint32_t kLeastClusterBits = 9, kMostClusterBits = 21, kLeastExtendedClusterBits = 14;
constexpr std::uint64_t kMaxL1Bytes = 32u << 20, kMaxRefcountTableBytes = 8u << 20;
constexpr std::uint32_t kMaxSnapshots = 65'536, kMostRefcountOrder = 6;
constexpr std::uint64_t kTableEntry = 8, kExtendedTableEntry = 16, kLeastSnapshotEntry = 40;

namespace feature {
constexpr std::uint64_t kDirty = 1, kCorrupt = 2, kExternalData = 4, kCompressionType = 8, kExtendedL2 = 16;
constexpr std::uint64_t kKnown = 31;
constexpr std::uint64_t kBitmaps = 1, kRawExternalData = 2;  ///< of the autoclear ones
}  // namespace feature

namespace extension {
constexpr std::uint32_t kEnd = 0, kBackingFormat = 0xE2792ACA, kExternalDataName = 0x44415441,
                        kBitmaps = 0x23852875, kEncryption = 0x0537BE77;
}  // namespace extension

/// The fields, in their order.
struct Header {
  std::uint32_t version = 0;
  std::uint64_t backing_file_offset = 0;
  std::uint32_t backing_file_size = 0;
  std::uint32_t cluster_bits = 0;
  std::uint64_t virtual_size = 0;
  std::uint32_t encryption = 0;
  std::uint32_t l1_entries = 0;
  std::uint64_t l1_offset = 0;
  std::uint64_t refcount_offset = 0;
  std::uint32_t refcount_clusters = 0;
  std::uint32_t snapshots = 0;
  std::uint64_t snapshots_offset = 0;
  std::uint64_t incompatible = 0;
  std::uint64_t autoclear = 0;
  std::uint32_t refcount_order = 4;
  std::uint32_t header_bytes = kHeaderBytesOfVersion2;
  std::uint8_t compression = 0;

  std::uint64_t cluster_bytes() const { return std::uint64_t{1} << cluster_bits; }
  bool has(std::uint64_t incompatible_feature) const { return (incompatible & incompatible_feature) != 0; }
};

tl::unexpected<Error> malformed(std::string what) {
  return fail(make_error(ErrorCode::kInvalidInput, "a qcow2 image " + std::move(what))
                  .because(reason::kDiskMalformed));
}

tl::unexpected<Error> unsupported(std::string what) {
  return fail(make_error(ErrorCode::kUnsupported, "a qcow2 image " + std::move(what))
                  .because(reason::kDiskFormatUnsupported));
}

tl::unexpected<Error> refused_backing_file() {
  auto error =
      make_error(ErrorCode::kRefused, "a qcow2 image over a backing file, which nobody signed with it");
  return fail(
      std::move(error).advise("sign one that `qemu-img convert` made").because(reason::kDiskBackingFile));
}

tl::unexpected<Error> refused_external_data() {
  return refuse(reason::kDiskExternalDataFile, "a qcow2 image whose data is in another file");
}

/// Big endian; the caller has looked that the bytes are there.
std::uint64_t read_integer(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (const char c : bytes.substr(at, size)) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

std::uint32_t read_32(std::string_view bytes, std::size_t at) {
  return std::uint32_t(read_integer(bytes, at, 4));
}

std::uint64_t read_64(std::string_view bytes, std::size_t at) {
  return read_integer(bytes, at, 8);
}

/// The fields that came with version 3.
Result<Header> read_version_3(std::string_view head, Header header) {
  if (head.size() < kLeastHeaderBytesOfVersion3) return malformed("that ends within its header");
  header.incompatible = read_64(head, 72);
  header.autoclear = read_64(head, 88);
  header.refcount_order = read_32(head, 96);
  header.header_bytes = read_32(head, 100);
  if (header.header_bytes < kLeastHeaderBytesOfVersion3 || header.header_bytes % 8 != 0)
    return malformed("with an impossible length of its header");
  if (header.header_bytes > head.size()) return malformed("that ends within its header");
  if (header.header_bytes > kLeastHeaderBytesOfVersion3) header.compression = std::uint8_t(head[104]);
  return header;
}

Result<Header> read_header(std::string_view head) {
  if (!is_qcow2(head)) return malformed("without the magic of one");
  if (head.size() < kHeaderBytesOfVersion2) return malformed("that ends within its header");
  Header header;
  header.version = read_32(head, 4);
  header.backing_file_offset = read_64(head, 8);
  header.backing_file_size = read_32(head, 16);
  header.cluster_bits = read_32(head, 20);
  header.virtual_size = read_64(head, 24);
  header.encryption = read_32(head, 32);
  header.l1_entries = read_32(head, 36);
  header.l1_offset = read_64(head, 40);
  header.refcount_offset = read_64(head, 48);
  header.refcount_clusters = read_32(head, 56);
  header.snapshots = read_32(head, 60);
  header.snapshots_offset = read_64(head, 64);
  if (header.version == 2) return header;
  if (header.version == 3) return read_version_3(head, header);
  return unsupported("of version " + std::to_string(header.version));
}

/// That the image's content is its own, and whole.
Result<void> check_stands_alone(const Header& header) {
  if (header.backing_file_offset != 0 || header.backing_file_size != 0) return refused_backing_file();
  if (header.has(feature::kExternalData) || (header.autoclear & feature::kRawExternalData) != 0)
    return refused_external_data();
  if (header.encryption != 0) return refuse(reason::kDiskEncrypted, "an encrypted qcow2 image");
  if (header.has(feature::kCorrupt))
    return refuse(reason::kDiskNotClean, "a qcow2 image that is marked as corrupt");
  if (header.has(feature::kDirty)) {
    return refuse(reason::kDiskNotClean, "a qcow2 image that is marked as dirty: it was not closed");
  }
  if (header.has(~feature::kKnown)) return unsupported("with an unknown incompatible feature");
  return {};
}

Result<void> check_geometry(const Header& header) {
  const std::uint32_t least =
      header.has(feature::kExtendedL2) ? kLeastExtendedClusterBits : kLeastClusterBits;
  if (header.cluster_bits < least || header.cluster_bits > kMostClusterBits)
    return malformed("with an impossible size of its clusters");
  if (header.header_bytes > header.cluster_bytes()) return malformed("with a header over its first cluster");
  if (header.refcount_order > kMostRefcountOrder) return malformed("with impossibly wide refcounts");
  if (header.compression > 1) return unsupported("with an unknown type of compression");
  // The type is there exactly where it is another than deflate.
  if ((header.compression != 0) != header.has(feature::kCompressionType))
    return malformed("with a contradictory type of compression");
  if (header.virtual_size > kMaxVirtualSize) {
    return fail(
        make_error(ErrorCode::kTooLarge, "a qcow2 image of a disk over 64 TiB").because(reason::kTooLarge));
  }
  return {};
}

struct Table {
  const char* name;
  std::uint64_t offset, bytes, most;
};

Result<void> check_table(const Table& table, const Header& header, std::uint64_t file_size) {
  if (table.bytes == 0) return {};
  const auto wrong = [&](const char* what) { return malformed(std::string("whose ") + table.name + what); };
  if (table.bytes > table.most) return wrong(" is larger than any reader takes");
  if (table.offset == 0 || table.offset % header.cluster_bytes() != 0) return wrong(" is not at a cluster");
  if (table.offset > file_size || table.bytes > file_size - table.offset) return wrong(" is not in the file");
  return {};
}

Result<void> check_tables(const Header& header, std::uint64_t file_size) {
  const std::uint64_t l2_entry = header.has(feature::kExtendedL2) ? kExtendedTableEntry : kTableEntry;
  const std::uint64_t bytes_per_l2 = header.cluster_bytes() / l2_entry * header.cluster_bytes();
  // Below 2^46 bytes there is no overflow.
  if (header.l1_entries < (header.virtual_size + bytes_per_l2 - 1) / bytes_per_l2)
    return malformed("whose L1 table is smaller than its disk needs");
  if (header.refcount_clusters == 0) return malformed("without a refcount table");
  const Table tables[] = {
      {"L1 table", header.l1_offset, header.l1_entries * kTableEntry, kMaxL1Bytes},
      {"refcount table", header.refcount_offset, header.refcount_clusters * header.cluster_bytes(),
       kMaxRefcountTableBytes},
      {"snapshot table", header.snapshots_offset, header.snapshots * kLeastSnapshotEntry,
       kMaxSnapshots * kLeastSnapshotEntry},
  };
  for (const Table& table : tables) {
    if (auto checked = check_table(table, header, file_size); !checked) return checked;
  }
  return {};
}

Result<void> check_extension_type(std::uint32_t type) {
  if (type == extension::kBackingFormat) return refused_backing_file();
  if (type == extension::kExternalDataName) return refused_external_data();
  if (type == extension::kEncryption) return refuse(reason::kDiskEncrypted, "an encrypted qcow2 image");
  return {};
}

/// The types of the extensions in `rest`, which is what follows the header in the first cluster. Whoever does
/// not know an extension may ignore it.
Result<std::set<std::uint32_t>> read_extensions(std::string_view rest) {
  std::set<std::uint32_t> types;
  while (rest.size() >= kExtensionHead) {
    const std::uint32_t type = read_32(rest, 0);
    const std::uint64_t length = read_32(rest, 4);
    if (type == extension::kEnd) return types;
    if (auto checked = check_extension_type(type); !checked) return fail(std::move(checked).error());
    if (!types.insert(type).second) return malformed("with an extension twice");
    const std::uint64_t padded = kExtensionHead + (length + 7) / 8 * 8;
    rest.remove_prefix(std::min<std::uint64_t>(padded, rest.size()));
  }
  return malformed("whose extensions do not end in the first cluster");
}

Result<void> check_extensions(const Header& header, std::string_view rest) {
  const auto types = read_extensions(rest);
  if (!types) return fail(types.error());
  if ((header.autoclear & feature::kBitmaps) != 0 && !types->contains(extension::kBitmaps))
    return malformed("with bitmaps that are not there");
  return {};
}

}  // namespace

bool is_qcow2(std::string_view head) {
  return head.starts_with(kMagic);
}

Result<Qcow2Image> check_qcow2(std::string_view head, std::uint64_t file_size) {
  const auto header = read_header(head);
  if (!header) return fail(header.error());
  if (auto checked = check_stands_alone(*header); !checked) return fail(std::move(checked).error());
  if (auto checked = check_geometry(*header); !checked) return fail(std::move(checked).error());
  const std::string_view cluster = head.substr(0, header->cluster_bytes());
  if (auto checked = check_extensions(*header, cluster.substr(header->header_bytes)); !checked)
    return fail(std::move(checked).error());
  if (auto checked = check_tables(*header, file_size); !checked) return fail(std::move(checked).error());
  return Qcow2Image{header->version, header->virtual_size};
}

}  // namespace kintsugi::trust
