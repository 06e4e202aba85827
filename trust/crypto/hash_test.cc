// SPDX-License-Identifier: Apache-2.0
#include "trust/crypto/hash.h"

#include <catch2/catch.hpp>

#include "base/encoding.h"

using namespace kintsugi;
using namespace kintsugi::trust;

TEST_CASE("the hash of \"abc\" is that of FIPS 180") {
  CHECK(hex_encode(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hex_encode(hash_of(HashAlgorithm::kSha384, "abc")) ==
        "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
        "8086072ba1e7cc2358baeca134c825a7");
  CHECK(hex_encode(hash_of(HashAlgorithm::kSha512, "abc")) ==
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

TEST_CASE("a hash over pieces is that over all of them") {
  for (const auto algorithm : {HashAlgorithm::kSha256, HashAlgorithm::kSha384, HashAlgorithm::kSha512}) {
    Hasher nothing(algorithm), pieces(algorithm), swapped(algorithm);
    CHECK(nothing.finish() == hash_of(algorithm, ""));
    for (const char* piece : {"a", "", "bc"}) pieces.update(piece);
    for (const char* piece : {"bc", "a"}) swapped.update(piece);
    const std::string hash = hash_of(algorithm, "abc");
    CHECK(hash.size() == hash_bytes(algorithm));
    CHECK(pieces.finish() == hash);
    CHECK(swapped.finish() != hash);
  }
}
