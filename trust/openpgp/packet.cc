// SPDX-License-Identifier: Apache-2.0
#include "trust/openpgp/packet.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/encoding.h"
#include "trust/openpgp/byte_reader.h"

namespace kintsugi::trust::openpgp {
namespace {

constexpr std::string_view kWhiteSpace = " \t\r\n";

tl::unexpected<Error> malformed(std::string what) {
  return fail(make_error(ErrorCode::kInvalidInput, std::move(what)));
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kWhiteSpace);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(kWhiteSpace) - begin + 1);
}

/// The next line without its end; `text` is what follows it.
std::string_view take_line(std::string_view& text) {
  std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  while (!line.empty() && kWhiteSpace.find(line.back()) != kWhiteSpace.npos) line.remove_suffix(1);
  return line;
}

/// CRC-24 of RFC 4880 §6.1, as the three bytes that armor has.
std::string checksum_of(std::string_view bytes) {
  std::uint32_t crc = 0xB704CE;
  for (const char c : bytes) {
    crc ^= std::uint32_t(static_cast<std::uint8_t>(c)) << 16;
    for (int bit = 0; bit < 8; ++bit) {
      crc <<= 1;
      if ((crc & 0x1000000) != 0) crc ^= 0x1864CFB;
    }
  }
  return {static_cast<char>(crc >> 16 & 0xFF), static_cast<char>(crc >> 8 & 0xFF),
          static_cast<char>(crc & 0xFF)};
}

/// Headers say nothing that counts. They end with an empty line.
bool skip_headers(std::string_view& text) {
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.empty()) return true;
    if (line.find(':') == line.npos) return false;
  }
  return false;
}

/// Up to the line that ends the armor, which has to be the last one.
Result<std::string> decode_armored(std::string_view text, const std::string& end) {
  std::string base64;
  std::optional<std::string> checksum;
  for (;;) {
    if (text.empty()) return malformed("armor that does not end");
    const std::string_view line = take_line(text);
    if (line == end) break;
    if (checksum) return malformed("text behind the checksum of armor");
    if (line.starts_with('=')) {
      auto decoded = base64_decode(line.substr(1));
      if (!decoded) return malformed("armor whose checksum is none");
      checksum = std::move(*decoded);
    } else {
      base64 += line;
    }
  }
  if (!text.empty()) return malformed("text behind the armor");
  auto bytes = base64_decode(base64);
  if (!bytes) return malformed("armor that is no base64");
  if (checksum && *checksum != checksum_of(*bytes)) return malformed("armor with another checksum");
  return bytes;
}

/// The body of a packet whose length has one of the forms of the new format.
std::optional<std::string_view> take_new_body(ByteReader& reader) {
  const auto first = reader.number(1);
  if (!first) return std::nullopt;
  if (*first < 192) return reader.take(*first);
  if (*first == 255) return reader.counted(4);
  if (*first >= 224) return std::nullopt;  // a partial body
  const auto second = reader.number(1);
  return second ? reader.take(((*first - 192) << 8) + *second + 192) : std::nullopt;
}

std::optional<std::string_view> take_old_body(ByteReader& reader, unsigned length_type) {
  if (length_type == 3) return std::nullopt;  // as long as there is something
  return reader.counted(std::size_t{1} << length_type);
}

}  // namespace

Result<std::string> unarmor(std::string_view file, std::string_view label) {
  if (file.size() > kMaxFileBytes) return fail(make_error(ErrorCode::kTooLarge, "OpenPGP data over 1 MiB"));
  // Each packet begins with a byte that no text has.
  if (!file.empty() && (static_cast<std::uint8_t>(file.front()) & 0x80) != 0) return std::string(file);
  std::string_view text = trimmed(file);
  const std::string name = std::string(label) + "-----";
  if (take_line(text) != "-----BEGIN PGP " + name)
    return malformed("neither binary nor in armor that is called \"" + std::string(label) + "\"");
  if (!skip_headers(text)) return malformed("armor without an empty line behind its headers");
  return decode_armored(text, "-----END PGP " + name);
}

Result<std::vector<Packet>> parse_packets(std::string_view bytes) {
  std::vector<Packet> packets;
  for (ByteReader reader(bytes); !reader.is_done();) {
    if (packets.size() == kMaxPackets)
      return fail(make_error(ErrorCode::kTooLarge, "more than 4096 OpenPGP packets"));
    const std::uint32_t header = *reader.number(1);
    if ((header & 0x80) == 0) return malformed("not a packet of OpenPGP");
    const bool is_new = (header & 0x40) != 0;
    const auto body = is_new ? take_new_body(reader) : take_old_body(reader, header & 3);
    if (!body) return malformed("a packet of OpenPGP that is cut off, or does not say its length at once");
    const auto tag = static_cast<Tag>(is_new ? header & 0x3F : header >> 2 & 0xF);
    packets.push_back({tag, std::string(*body)});
  }
  if (packets.empty()) return malformed("no packet of OpenPGP");
  return packets;
}

}  // namespace kintsugi::trust::openpgp
