// SPDX-License-Identifier: Apache-2.0
#include "trust/disk/checksums.h"

#include <catch2/catch.hpp>

#include "base/encoding.h"
#include "base/file.h"
#include "trust/crypto/reasons.h"

using namespace kintsugi;
using namespace kintsugi::trust;

namespace {

const std::string k256(64, 'a'), k512(128, 'b');

std::string reason_of(const std::string& text) {
  const auto list = parse_checksums(text);
  return list ? "read" : list.error().reason;
}

}  // namespace

TEST_CASE("a list of checksums is read in each form that coreutils write") {
  struct Case {
    std::string line, name, hex;
  };
  const auto c = GENERATE(values<Case>({
      {k256 + "  disk.img", "disk.img", k256},
      {k256 + " *disk.img", "disk.img", k256},
      {k512 + "  disk.img", "disk.img", k512},
      {k256 + "  ./disk.img", "disk.img", k256},
      {k256 + "  ././disk.img", "./disk.img", k256},
      {k256 + "  a/disk.img", "a/disk.img", k256},
      {k256 + "  /disk.img", "/disk.img", k256},
      {k256 + "   disk.img ", " disk.img ", k256},
      {k256 + "  *disk.img", "*disk.img", k256},
      {k256 + "  a\\b", "a\\b", k256},
      {k256 + "  \xC3\xA9", "\xC3\xA9", k256},
      {k256 + "  " + std::string(4096, 'n'), std::string(4096, 'n'), k256},
      {"SHA256 (disk.img) = " + k256, "disk.img", k256},
      {"SHA512 (disk.img) = " + k512, "disk.img", k512},
      {"SHA256 (./disk.img) = " + k256, "disk.img", k256},
      {"SHA256 (a) = b) = " + k256, "a) = b", k256},
  }));
  INFO(c.line);
  for (const std::string& text : {c.line, c.line + "\n", "# a comment\n" + c.line, c.line + "\n#"}) {
    const auto list = parse_checksums(text);
    REQUIRE(list);
    REQUIRE(list->size() == 1);
    CHECK(list->front().name == c.name);
    CHECK(list->front().hash == hex_decode(c.hex).value());
    CHECK(list->front().algorithm == (c.hex.size() == 64 ? HashAlgorithm::kSha256 : HashAlgorithm::kSha512));
  }
}

TEST_CASE("what is no list of checksums is refused with the line") {
  const std::string good = k256 + "  good\n";
  const std::string upper(64, 'A'), mixed = k256.substr(1) + "A";
  const std::string bad = GENERATE_COPY(values<std::string>({
      "",
      "\n",
      " ",
      "disk.img",
      k256,
      k256 + " ",
      k256 + "  ",
      k256 + " *",
      k256 + "  ./",
      k256 + " disk.img",
      k256 + "\tdisk.img",
      k256 + " \tdisk.img",
      k256 + "* disk.img",
      k256 + "disk.img",
      " " + k256 + "  disk.img",
      k256 + "  disk.img\r\n",
      k256 + "  di" + std::string(1, '\0') + "sk.img",
      k256 + "  disk\x1B[2J.img",
      k256 + "  disk\x7F.img",
      k256 + "  " + std::string(4097, 'n'),
      upper + "  disk.img",
      mixed + "  disk.img",
      k256 + "a  disk.img",
      k256.substr(1) + "  disk.img",
      k512 + "b  disk.img",
      k512.substr(1) + "  disk.img",
      k256.substr(1) + "g  disk.img",
      "0x" + k256.substr(2) + "  disk.img",
      "\xEF\xBB\xBF" + k256 + "  disk.img",
      "\\" + k256 + "  disk\\nimg",
      "\\SHA256 (disk\\nimg) = " + k256,
      "SHA256 (disk.img) = " + k512,
      "SHA512 (disk.img) = " + k256,
      "SHA256 (disk.img) = " + upper,
      "SHA256 (disk.img) = " + k256 + " ",
      "SHA256 (disk.img)= " + k256,
      "SHA256 (disk.img) =" + k256,
      "SHA256(disk.img)= " + k256,
      "SHA256  (disk.img) = " + k256,
      "SHA256 () = " + k256,
      "SHA256 () = ",
      "SHA256 (./) = " + k256,
      "SHA256 () = " + k256.substr(1),
      "SHA256 (disk.img) = ",
      "SHA256 (disk.img",
      "SHA256 (",
      "SHA256",
      " (disk.img) = " + k256,
      "-----BEGIN PGP SIGNED MESSAGE-----",
      "Hash: SHA512",
  }));
  INFO(bad);
  CHECK(reason_of(bad) == reason::kChecksumsMalformed);
  if (bad.empty()) return;
  const auto second = parse_checksums(good + bad);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == ErrorCode::kInvalidInput);
  CHECK_THAT(second.error().message, Catch::StartsWith("line 2: "));
}

TEST_CASE("names that coreutils escaped are refused by name") {
  for (const std::string& line : {"\\" + k256 + "  disk\\nimg", "\\SHA256 (disk\\nimg) = " + k256})
    CHECK_THAT(parse_checksums(line).error().message, Catch::Contains("escaped"));
}

TEST_CASE("a list of comments only has no checksum") {
  for (const char* text : {"#", "# a comment\n", "#\n#\n"})
    CHECK(reason_of(text) == reason::kChecksumsMalformed);
}

TEST_CASE("checksums by other hashes are refused by their name") {
  struct Case {
    std::string line, name;
  };
  const auto c = GENERATE(values<Case>({
      {std::string(32, 'a') + "  disk.img", "MD5"},
      {std::string(40, 'a') + "  disk.img", "SHA-1"},
      {std::string(40, 'a') + " *disk.img", "SHA-1"},
      {std::string(56, 'a') + "  disk.img", "SHA-224"},
      {std::string(96, 'a') + "  disk.img", "SHA-384"},
      {"MD5 (disk.img) = " + std::string(32, 'a'), "MD5"},
      {"SHA1 (disk.img) = " + std::string(40, 'a'), "SHA1"},
      {"SHA384 (disk.img) = " + std::string(96, 'a'), "SHA384"},
      {"sha256 (disk.img) = " + k256, "sha256"},
      {"SHA2-256 (disk.img) = " + k256, "SHA2-256"},
      {"SHA512/256 (disk.img) = " + k256, "SHA512/256"},
      {"SHA3-256 (disk.img) = " + k256, "SHA3-256"},
      {"BLAKE2b (disk.img) = " + k512, "BLAKE2b"},
  }));
  INFO(c.line);
  // Also where a good one stands beside it: what else would a reader take from such a list?
  const auto refused = parse_checksums(k256 + "  disk.img\n" + c.line);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kUnsupported);
  CHECK(refused.error().reason == reason::kChecksumUnsupported);
  CHECK_THAT(refused.error().message, Catch::Contains(c.name));
}

TEST_CASE("a list has at most 1 MiB and 10,000 lines") {
  std::string lines;
  for (std::size_t i = 0; i < kMaxChecksums; ++i) lines += k256 + "  f\n";
  CHECK(parse_checksums(lines)->size() == kMaxChecksums);
  CHECK(reason_of(lines + "#") == reason::kTooLarge);
  CHECK(reason_of(lines + k256 + "  f") == reason::kTooLarge);
  const std::string comment = "#" + std::string(kMaxChecksumsBytes - 70, 'c') + "\n";
  CHECK(reason_of(comment + k256 + "  ff") == "read");
  CHECK(reason_of(comment + k256 + "  fff") == reason::kTooLarge);
}

TEST_CASE("a file has to be listed once, by its base name") {
  const std::string other(64, 'c');
  const auto find = [](const std::string& text, const std::string& name) {
    const auto found = find_checksum(parse_checksums(text).value(), name);
    return found ? hex_encode(found->hash) : found.error().reason;
  };
  const std::string list = other + "  other.img\n" + k256 + "  disk.img\n";
  CHECK(find(list, "disk.img") == k256);
  CHECK(find(list, "other.img") == other);
  CHECK(find(k256 + "  ./disk.img", "disk.img") == k256);
  CHECK(find(k512 + "  disk.img", "disk.img") == k512);
  for (const char* name : {"", "disk.im", "disk.imgg", "Disk.img", "isk.img", ".", "./disk.img", "*disk.img"})
    CHECK(find(list, name) == reason::kChecksumMissing);
  for (const char* listed :
       {"a/disk.img", "/disk.img", "././disk.img", "../disk.img", "disk.img/", " disk.img"})
    CHECK(find(k256 + "  " + listed, "disk.img") == reason::kChecksumMissing);
  const std::string again[] = {
      other + "  disk.img",
      k256 + "  disk.img",
      k256 + " *disk.img",
      other + "  ./disk.img",
      k512 + "  disk.img",
      "SHA256 (disk.img) = " + other,
      "SHA512 (./disk.img) = " + k512,
  };
  for (const std::string& line : again) {
    INFO(line);
    CHECK(find(list + line, "disk.img") == reason::kChecksumAmbiguous);
    CHECK(find(std::string(line).append("\n").append(list), "disk.img") == reason::kChecksumAmbiguous);
    CHECK(find(list + line, "other.img") == other);
  }
}

TEST_CASE("a file is what is listed by that algorithm's hash only") {
  const std::string bytes = "content";
  FileSummary file;
  file.hashes[HashAlgorithm::kSha256] = sha256(bytes);
  const auto check = [&](HashAlgorithm algorithm, const std::string& hash) {
    const auto checked = check_checksum({"f", algorithm, hash}, file);
    return checked ? "good" : checked.error().reason;
  };
  CHECK(check(HashAlgorithm::kSha256, sha256(bytes)) == "good");
  CHECK(check(HashAlgorithm::kSha256, sha256("Content")) == reason::kChecksumMismatch);
  CHECK(check(HashAlgorithm::kSha256, "") == reason::kChecksumMismatch);
  CHECK(check(HashAlgorithm::kSha256, sha256(bytes).substr(1)) == reason::kChecksumMismatch);
  CHECK(check(HashAlgorithm::kSha512, sha256(bytes)) == reason::kChecksumMismatch);
  CHECK(check(HashAlgorithm::kSha512, hash_of(HashAlgorithm::kSha512, bytes)) == reason::kChecksumMismatch);
  file.hashes[HashAlgorithm::kSha512] = hash_of(HashAlgorithm::kSha512, bytes);
  CHECK(check(HashAlgorithm::kSha512, hash_of(HashAlgorithm::kSha512, bytes)) == "good");
}

TEST_CASE("the lists that sha256sum and sha512sum --tag wrote name the file that they were made of") {
  const std::string folder = "trust/testdata/disk/";
  for (const char* name : {"SHA256SUMS", "SHA512SUMS"}) {
    const auto list = parse_checksums(read_file(folder + name, kMaxChecksumsBytes).value());
    REQUIRE(list);
    const auto listed = find_checksum(*list, "disk.qcow2");
    REQUIRE(listed);
    const FileQuestion question{{HashAlgorithm::kSha256, HashAlgorithm::kSha512}};
    CHECK(check_checksum(*listed, summarize_file(folder + "disk.qcow2", question).value()));
    CHECK_FALSE(check_checksum(*listed, summarize_file(folder + "p256.pub", question).value()));
  }
}
