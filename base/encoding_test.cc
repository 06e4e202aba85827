// SPDX-License-Identifier: Apache-2.0
#include "base/encoding.h"

#include <catch2/catch.hpp>

#include "base/secret.h"

using namespace kintsugi;

TEST_CASE("SHA-256 agrees with the published vectors, whole and in pieces") {
  CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256 hash;
  hash.update("a");
  hash.update("bc");
  CHECK(hash.finish_hex() == sha256_hex("abc"));
}

TEST_CASE("base64 round-trips and accepts the canonical form only") {
  for (const std::string text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"}) {
    CHECK(base64_decode(base64_encode(text)).value() == text);
  }
  CHECK(base64_encode("foobar") == "Zm9vYmFy");
  const std::string bad =
      GENERATE("Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zm 9", "Zm9v\n", "Zm-v", "Zg==Zg==");
  INFO(bad);
  CHECK_FALSE(base64_decode(bad));
}

TEST_CASE("hex digits round-trip and are lower-case pairs") {
  CHECK(hex_encode(std::string("\0\x7f\xff", 3)) == "007fff");
  CHECK(hex_decode("007fff").value() == std::string("\0\x7f\xff", 3));
  CHECK(hex_decode("").value().empty());
  const std::string bad = GENERATE("0", "0g", "FF", "0x", "00 ", " 00", "000");
  INFO(bad);
  CHECK_FALSE(hex_decode(bad));
}

TEST_CASE("URL encoding keeps unreserved characters only") {
  CHECK(url_encode("aZ9-._~") == "aZ9-._~");
  CHECK(url_encode("a b/c?d=\xC3\xA9") == "a%20b%2Fc%3Fd%3D%C3%A9");
}

TEST_CASE("a Secret compares by content and is empty after a move") {
  Secret token("hunter2");
  CHECK(token.equals("hunter2"));
  CHECK_FALSE(token.equals("hunter3"));
  CHECK_FALSE(token.equals("hunter"));
  const Secret moved = std::move(token);
  CHECK(moved.reveal() == "hunter2");
  CHECK(token.empty());  // NOLINT(bugprone-use-after-move): nothing of it may be left
}
