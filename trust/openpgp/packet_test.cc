// SPDX-License-Identifier: Apache-2.0
#include "trust/openpgp/packet.h"

#include <catch2/catch.hpp>

#include "base/file.h"

using namespace kintsugi;
using namespace kintsugi::trust::openpgp;

namespace {

const std::string kData = "trust/testdata/openpgp/";
const std::string kArmored = read_file(kData + "SHA256SUMS.rsa.asc", 1u << 16).value();

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  const std::size_t at = text.find(what);
  REQUIRE(at != text.npos);
  return text.replace(at, what.size(), with);
}

std::string bytes(std::initializer_list<int> list) {
  std::string out;
  for (const int one : list) out += static_cast<char>(one);
  return out;
}

}  // namespace

TEST_CASE("binary data is itself, and armor what is in it") {
  CHECK(unarmor("\x99 and so on", "SIGNATURE") == "\x99 and so on");
  const auto plain = unarmor(kArmored, "SIGNATURE");
  REQUIRE(plain);
  CHECK(parse_packets(*plain)->size() == 1);
  CHECK(unarmor("\n " + kArmored + "\n\n", "SIGNATURE") == *plain);
  CHECK(unarmor(replaced(kArmored, "-----\n", "-----\nVersion: 1\nComment:\n"), "SIGNATURE") == *plain);
  std::string windows;
  for (const char c : kArmored) windows += c == '\n' ? std::string("\r\n") : std::string(1, c);
  CHECK(unarmor(windows, "SIGNATURE") == *plain);
  const std::size_t checksum = kArmored.find("\n=");
  CHECK(unarmor(kArmored.substr(0, checksum) + kArmored.substr(checksum + 6), "SIGNATURE") == *plain);
}

TEST_CASE("armor that is broken in any way is refused") {
  const std::size_t checksum = kArmored.find("\n=") + 2, body = kArmored.find("\n\n") + 2;
  std::string other_checksum = kArmored, other_body = kArmored;
  other_checksum[checksum] = kArmored[checksum] == 'A' ? 'B' : 'A';
  other_body[body + 8] = kArmored[body + 8] == 'A' ? 'B' : 'A';
  const std::string bad[] = {
      "",
      "text",
      "-----BEGIN PGP SIGNATURE-----",
      "-----BEGIN PGP SIGNATURE-----\n\n",
      other_checksum,
      other_body,
      "before\n" + kArmored,
      kArmored + "behind",
      kArmored + kArmored,
      replaced(kArmored, "-----\n\n", "-----\n"),
      replaced(kArmored, "-----\n", "-----\nno header\n"),
      replaced(kArmored, "END PGP SIGNATURE", "END PGP MESSAGE"),
      replaced(kArmored, "BEGIN PGP SIGNATURE", "BEGIN PGP PUBLIC KEY BLOCK"),
      replaced(kArmored, "\n=", "\n=="),
      replaced(kArmored, "\n=", "\n!="),
      kArmored.substr(0, kArmored.size() / 2),
      kArmored.substr(0, kArmored.find("-----END")),
      std::string(kMaxFileBytes + 1, ' '),
  };
  for (const std::string& text : bad) {
    INFO(text.substr(0, 200));
    CHECK_FALSE(unarmor(text, "SIGNATURE"));
  }
  CHECK_FALSE(unarmor(kArmored, "PUBLIC KEY BLOCK"));
}

TEST_CASE("packets have the lengths of both formats") {
  const auto lengths = [](const std::string& header, std::size_t size) {
    const auto packets = parse_packets(header + std::string(size, 'x'));
    return packets && packets->size() == 1 && packets->front().body.size() == size;
  };
  CHECK(lengths(bytes({0x88, 3}), 3));
  CHECK(lengths(bytes({0x89, 1, 0}), 256));
  CHECK(lengths(bytes({0x8A, 0, 0, 1, 1}), 257));
  CHECK(lengths(bytes({0xC2, 0}), 0));
  CHECK(lengths(bytes({0xC2, 191}), 191));
  CHECK(lengths(bytes({0xC2, 192, 0}), 192));
  CHECK(lengths(bytes({0xC2, 223, 255}), 8383));
  CHECK(lengths(bytes({0xC2, 255, 0, 0, 0, 5}), 5));
  const auto two = parse_packets(bytes({0x88, 1, 'a', 0xC6, 1, 'b'}));
  REQUIRE(two);
  CHECK(two->at(0).tag == Tag::kSignature);
  CHECK(two->at(1).tag == Tag::kPublicKey);
  CHECK(two->at(1).body == "b");
}

TEST_CASE("packets that are cut off, or do not say their length at once, are refused") {
  const std::string bad[] = {
      "",
      bytes({0x02, 1, 'a'}),
      bytes({0x88}),
      bytes({0x88, 2, 'a'}),
      bytes({0x8B, 'a', 'b'}),     // indeterminate
      bytes({0xC2, 224, 'a', 0}),  // partial
      bytes({0xC2, 254, 'a'}),
      bytes({0xC2, 192}),
      bytes({0xC2, 255, 0, 0, 0}),
      bytes({0xC2, 255, 255, 255, 255, 255, 'a'}),
      bytes({0x8A, 255, 255, 255, 255, 'a'}),
      bytes({0x88, 1, 'a', 0}),
  };
  for (const std::string& one : bad) CHECK_FALSE(parse_packets(one));
  std::string many;
  for (std::size_t i = 0; i < kMaxPackets; ++i) many += bytes({0xCA, 0});
  CHECK(parse_packets(many));
  CHECK(parse_packets(many + bytes({0xCA, 0})).error().code == ErrorCode::kTooLarge);
}
