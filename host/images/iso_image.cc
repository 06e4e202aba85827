// SPDX-License-Identifier: Apache-2.0
#include "host/images/iso_image.h"

#include <cstddef>
#include <cstdint>

namespace kintsugi::host {
namespace {

constexpr std::size_t kSector = 2048;

// What lies in which sector; the contents of files follow.
constexpr std::uint32_t kFirstDescriptor = 16;
constexpr std::uint32_t kPathTable = 19;        ///< little endian, then big endian
constexpr std::uint32_t kJolietPathTable = 21;  ///< the same
constexpr std::uint32_t kRootDirectory = 23;
constexpr std::uint32_t kJolietRootDirectory = 24;
constexpr std::uint32_t kFirstContent = 25;
/// At the end, as mkisofs has it: who looks for other file systems first (busybox) takes a disk for broken
/// that ends before the places where those would be.
constexpr std::uint32_t kPadding = 150;

constexpr std::uint32_t kPathTableBytes = 10;
constexpr std::uint8_t kDirectoryFlag = 2;
constexpr std::uint32_t kDirectoryMode = 0040555;
constexpr std::uint32_t kFileMode = 0100444;

void put_16(std::string& out, std::uint16_t value, bool is_big) {
  const char low = char(value & 0xFF), high = char(value >> 8);
  out += is_big ? high : low;
  out += is_big ? low : high;
}

void put_32(std::string& out, std::uint32_t value, bool is_big) {
  put_16(out, std::uint16_t(is_big ? value >> 16 : value & 0xFFFF), is_big);
  put_16(out, std::uint16_t(is_big ? value & 0xFFFF : value >> 16), is_big);
}

/// ECMA-119 7.2.3, 7.3.3: in both orders.
void put_both_16(std::string& out, std::uint16_t value) {
  put_16(out, value, false);
  put_16(out, value, true);
}

void put_both_32(std::string& out, std::uint32_t value) {
  put_32(out, value, false);
  put_32(out, value, true);
}

void fill_to(std::string& out, std::size_t size) {
  out.resize(size, '\0');
}

void fill_sector(std::string& out) {
  fill_to(out, (out.size() + kSector - 1) / kSector * kSector);
}

std::uint32_t sectors_of(std::string_view content) {
  return std::uint32_t((content.size() + kSector - 1) / kSector);
}

/// ASCII as UCS-2, which Joliet has its names in.
std::string wide(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += '\0';
    out += c;
  }
  return out;
}

struct Extent {
  std::uint32_t sector = 0;
  std::uint32_t bytes = 0;
};

/// ECMA-119 9.1; `more` is the part for the system's use.
std::string directory_record(const Extent& extent, std::uint8_t flags, std::string_view name,
                             std::string_view more = {}) {
  const std::size_t name_end = 33 + name.size();
  const std::size_t padding = name_end % 2;
  std::string out;
  out += char(name_end + padding + more.size());
  out += '\0';
  put_both_32(out, extent.sector);
  put_both_32(out, extent.bytes);
  out.append({70, 1, 1, 0, 0, 0, 0});  // 1970-01-01T00:00:00Z
  out += char(flags);
  fill_to(out, 28);
  put_both_16(out, 1);
  out += char(name.size());
  out += name;
  out.append(padding, '\0');
  out += more;
  return out;
}

/// Rock Ridge's PX: mode, links, owner and group.
std::string posix_attributes(std::uint32_t mode, std::uint32_t links) {
  std::string out("PX\x24\x01", 4);
  for (const std::uint32_t value : {mode, links, 0U, 0U}) put_both_32(out, value);
  return out;
}

/// Rock Ridge's NM.
std::string posix_name(std::string_view name) {
  std::string out("NM");
  out += char(5 + name.size());
  out += std::string_view("\x01\0", 2);
  out += name;
  return out;
}

/// SP and ER, by which a reader knows that there is Rock Ridge: in the first record of the root only.
std::string rock_ridge_mark() {
  constexpr std::string_view kId = "RRIP_1991A";
  std::string out("SP\x07\x01\xBE\xEF\0", 7);
  out += "ER";
  out += char(8 + kId.size());
  out += '\x01';
  out += char(kId.size());
  out += std::string_view("\0\0\x01", 3);
  out += kId;
  return out;
}

enum class Kind : std::uint8_t { kPrimary, kJoliet };

std::string root_directory(Kind kind, const std::vector<IsoFile>& files) {
  const bool is_joliet = kind == Kind::kJoliet;
  const Extent self{is_joliet ? kJolietRootDirectory : kRootDirectory, kSector};
  const std::string posix = is_joliet ? std::string() : posix_attributes(kDirectoryMode, 2);
  std::string out = directory_record(self, kDirectoryFlag, std::string_view("\0", 1),
                                     is_joliet ? std::string() : rock_ridge_mark() + posix);
  out += directory_record(self, kDirectoryFlag, "\x01", posix);
  std::uint32_t sector = kFirstContent;
  for (const IsoFile& file : files) {
    const Extent extent{sector, std::uint32_t(file.content.size())};
    out += is_joliet ? directory_record(extent, 0, wide(file.name))
                     : directory_record(extent, 0, file.short_name,
                                        posix_attributes(kFileMode, 1) + posix_name(file.name));
    sector += sectors_of(file.content);
  }
  fill_sector(out);
  return out;
}

/// ECMA-119 9.4, of the root alone; in both orders, a sector each.
std::string path_tables(std::uint32_t root) {
  std::string out;
  for (const bool is_big : {false, true}) {
    out += std::string_view("\x01\0", 2);
    put_32(out, root, is_big);
    put_16(out, 1, is_big);
    out += std::string_view("\0\0", 2);
    fill_sector(out);
  }
  return out;
}

/// A field of characters, filled up with spaces.
std::string text_field(Kind kind, std::string_view text, std::size_t bytes) {
  std::string out = kind == Kind::kJoliet ? wide(text) : std::string(text);
  while (out.size() < bytes) out += kind == Kind::kJoliet && out.size() % 2 == 0 ? '\0' : ' ';
  return out;
}

/// ECMA-119 8.4 and, with the escape sequence of Joliet, 8.5.
std::string descriptor(Kind kind, std::string_view volume_id, std::uint32_t sectors) {
  const bool is_joliet = kind == Kind::kJoliet;
  const std::uint32_t path_table = is_joliet ? kJolietPathTable : kPathTable;
  const Extent root{is_joliet ? kJolietRootDirectory : kRootDirectory, kSector};
  std::string out = is_joliet ? "\x02" : "\x01";
  out += std::string_view("CD001\x01\0", 7);
  out += text_field(kind, "", 32);
  out += text_field(kind, volume_id, 32);
  fill_to(out, 80);
  put_both_32(out, sectors);
  if (is_joliet) out += "%/E";
  fill_to(out, 120);
  put_both_16(out, 1);
  put_both_16(out, 1);
  put_both_16(out, kSector);
  put_both_32(out, kPathTableBytes);
  put_32(out, path_table, false);
  put_32(out, 0, false);
  put_32(out, path_table + 1, true);
  put_32(out, 0, true);
  out += directory_record(root, kDirectoryFlag, std::string_view("\0", 1));
  for (const std::size_t bytes : {128U, 128U, 128U, 128U, 37U, 37U, 37U}) out += text_field(kind, "", bytes);
  for (int times = 0; times < 4; ++times) out += std::string(16, '0') + '\0';
  out += '\x01';
  fill_sector(out);
  return out;
}

std::string terminator() {
  std::string out(
      "\xFF"
      "CD001\x01",
      7);
  fill_sector(out);
  return out;
}

}  // namespace

std::string iso_image(std::string_view volume_id, const std::vector<IsoFile>& files) {
  std::uint32_t sectors = kFirstContent;
  for (const IsoFile& file : files) sectors += sectors_of(file.content);
  sectors += kPadding;
  std::string out(kFirstDescriptor * kSector, '\0');
  out += descriptor(Kind::kPrimary, volume_id, sectors);
  out += descriptor(Kind::kJoliet, volume_id, sectors);
  out += terminator();
  out += path_tables(kRootDirectory);
  out += path_tables(kJolietRootDirectory);
  out += root_directory(Kind::kPrimary, files);
  out += root_directory(Kind::kJoliet, files);
  for (const IsoFile& file : files) {
    out += file.content;
    fill_sector(out);
  }
  out.append(kPadding * kSector, '\0');
  return out;
}

}  // namespace kintsugi::host
