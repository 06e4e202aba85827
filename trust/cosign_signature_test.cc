// SPDX-License-Identifier: Apache-2.0
#include "trust/cosign_signature.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <iostream>
#include <vector>

#include "base/encoding.h"
#include "trust/reasons.h"
#include "trust/testing/cosign.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using testing::cosign_payload;
using testing::public_key_of;

namespace {

const Digest kImage = Digest::of("image");

Descriptor layer_with(const std::string& signature, std::int64_t size = 240,
                      const std::string& type = "application/vnd.dev.cosign.simplesigning.v1+json") {
  Descriptor layer{type, Digest::of("payload"), size, {}, {}, {}};
  layer.annotations.emplace_back("dev.cosignproject.cosign/signature", signature);
  return layer;
}

/// Signs `payload` and verifies it for kImage.
Result<VerifiedSignature> sign_and_verify(const std::string& payload) {
  const SigningKey signer;
  const std::vector<PublicKey> keys = {public_key_of(signer)};
  return verify_signature({Digest::of(payload), payload.size(), signer.sign(payload)}, payload, keys, kImage);
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("a signature over the image's digest by one of the keys is good") {
  const SigningKey signer;
  const std::vector<PublicKey> keys = {public_key_of(SigningKey()), public_key_of(signer)};
  const std::string payload = cosign_payload(kImage, "r.io/web");
  const auto good =
      verify_signature({Digest::of(payload), payload.size(), signer.sign(payload)}, payload, keys, kImage);
  REQUIRE(good);
  CHECK(good->key == 1);
  CHECK(good->payload.image == kImage);
  CHECK(good->payload.docker_reference == "r.io/web");
}

TEST_CASE("what cosign's payload may vary in is accepted") {
  const std::string payload = cosign_payload(kImage);
  CHECK(sign_and_verify(replaced(payload, R"("optional":null)", R"("optional":{"release":"1.0","n":1})")));
  CHECK(sign_and_verify(replaced(payload, R"("optional":null)", R"("optional":{})")));
  CHECK(sign_and_verify("\n " + payload + "\n"));
}

TEST_CASE("a payload that a key did sign is refused when it is not strictly what it must be") {
  const std::string payload = cosign_payload(kImage);
  const std::string digest = kImage.text();
  struct Case {
    std::string name, payload;
  };
  const auto c = GENERATE_COPY(values<Case>({
      {"empty", ""},
      {"null", "null"},
      {"array", "[" + payload + "]"},
      {"twice", payload + payload},
      {"truncated", payload.substr(0, payload.size() - 1)},
      {"byte order mark", "\xef\xbb\xbf" + payload},
      {"other type", replaced(payload, "cosign container image signature", "atomic container signature")},
      {"type in capitals", replaced(payload, "cosign container", "Cosign container")},
      {"type of another kind", replaced(payload, R"("cosign container image signature")", "1")},
      {"no type", replaced(payload, R"(,"type":"cosign container image signature")", "")},
      {"capital digest field", replaced(payload, "docker-manifest-digest", "Docker-manifest-digest")},
      {"capital critical", replaced(payload, "critical", "Critical")},
      {"no digest", replaced(payload, R"("docker-manifest-digest":")" + digest + "\"", "")},
      {"digest null", replaced(payload, "\"" + digest + "\"", "null")},
      {"digest in capitals", replaced(payload, "sha256:", "SHA256:")},
      {"digest without algorithm", replaced(payload, "sha256:", "")},
      {"sha512", replaced(payload, "sha256:", "sha512:")},
      {"digest too long", replaced(payload, digest, digest + "0")},
      {"digest with space", replaced(payload, digest, " " + digest)},
      {"repeated digest", replaced(payload, R"("docker-manifest-digest":)",
                                   R"("docker-manifest-digest":"sha256:00","docker-manifest-digest":)")},
      {"repeated by escape",
       replaced(payload, R"("docker-manifest-digest":)",
                R"("docker-manifest-diges\u0074":"sha256:00","docker-manifest-digest":)")},
      {"repeated critical", replaced(payload, R"({"critical")", R"({"critical":{},"critical")")},
      {"second critical in capitals", replaced(payload, R"({"critical")", R"({"Critical":{},"critical")")},
      {"unknown field in critical", replaced(payload, R"("type":)", R"("x":1,"type":)")},
      {"unknown field in image",
       replaced(payload, R"("docker-manifest-digest":)", R"("x":1,"docker-manifest-digest":)")},
      {"unknown field beside", replaced(payload, R"("optional":null)", R"("optional":null,"x":null)")},
      {"no optional", replaced(payload, R"(,"optional":null)", "")},
      {"optional a list", replaced(payload, R"("optional":null)", R"("optional":[])")},
      {"optional nested", replaced(payload, R"("optional":null)", R"("optional":{"a":{}})")},
      {"no identity",
       replaced(payload, R"("identity":{"docker-reference":"registry.example.com/shop/web"},)", "")},
      {"reference of another kind", replaced(payload, R"("registry.example.com/shop/web")", "7")},
      {"invalid UTF-8", replaced(payload, "registry.example", "registry\xff.example")},
      {"NUL after it", payload + std::string(1, '\0')},
      {"comment", payload + "/**/"},
      {"deeply nested", replaced(payload, "null", std::string(100, '[') + std::string(100, ']'))},
  }));
  INFO(c.name);
  const auto refused = sign_and_verify(c.payload);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().reason == reason::kPayloadMalformed);
}

TEST_CASE("a good signature over another image is refused as such") {
  const auto refused = sign_and_verify(cosign_payload(Digest::of("another image")));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().reason == reason::kDigestNotSigned);
}

TEST_CASE("a payload over 64 KiB is not read") {
  const auto refused = sign_and_verify(cosign_payload(kImage) + std::string(kMaxPayloadBytes, ' '));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().reason == reason::kTooLarge);
}

TEST_CASE("a foreign key and an altered payload are refused") {
  const SigningKey signer;
  const std::vector<PublicKey> keys = {public_key_of(signer)};
  const std::string payload = cosign_payload(kImage);
  const auto verify = [&](const std::string& signature, const std::string& stored) {
    const auto result =
        verify_signature({Digest::of(stored), stored.size(), signature}, stored, keys, kImage);
    return result ? std::string("good") : result.error().reason;
  };
  CHECK(verify(signer.sign(payload), payload) == "good");
  CHECK(verify(SigningKey().sign(payload), payload) == reason::kKeyMismatch);
  CHECK(verify(signer.sign(payload), payload + " ") == "SignatureInvalid");
  CHECK(verify(signer.sign(payload), replaced(payload, "cosign container", "cosigned container")) ==
        "SignatureInvalid");
  CHECK(verify(signer.sign(payload), cosign_payload(Digest::of("x"))) == "SignatureInvalid");
  CHECK(verify(signer.sign(cosign_payload(Digest::of("x"))), payload) == reason::kKeyMismatch);
  CHECK(verify(signer.sign(""), "") == "PayloadMalformed");
  CHECK(verify(signer.sign(payload), "") == "SignatureInvalid");
  for (std::size_t i = 0; i < payload.size(); ++i) {
    std::string flipped = payload;
    flipped[i] = char(flipped[i] ^ 1);
    CHECK(verify(signer.sign(payload), flipped) != "good");
  }
}

TEST_CASE("what has not the form of a signature by any of the keys is said to be none") {
  const SigningKey signer;
  const std::vector<PublicKey> keys = {public_key_of(signer)};
  const std::string payload = cosign_payload(kImage);
  const std::string signature =
      GENERATE_COPY(std::string(64, 'r'), signer.sign(payload) + "x", SigningKey("RSA-2048").sign(payload));
  const auto verified =
      verify_signature({Digest::of(payload), payload.size(), signature}, payload, keys, kImage);
  REQUIRE_FALSE(verified);
  CHECK(verified.error().reason == reason::kSignatureInvalid);
  CHECK_THAT(verified.error().message, Catch::Contains("form"));
}

TEST_CASE("no key means no good signature") {
  const std::string payload = cosign_payload(kImage);
  CHECK_FALSE(verify_signature({Digest::of(payload), payload.size(), SigningKey().sign(payload)}, payload, {},
                               kImage));
}

TEST_CASE("a layer is judged before its payload is fetched") {
  const std::string good = base64_encode(SigningKey().sign("x"));
  REQUIRE(read_signature_layer(layer_with(good)));
  const auto why = [](const Descriptor& layer) { return read_signature_layer(layer).error().reason; };
  CHECK(why(layer_with(good, 240, "application/vnd.dsse.envelope.v1+json")) == reason::kUnsupportedLayout);
  CHECK(why(layer_with(good, 240, "Application/vnd.dev.cosign.simplesigning.v1+json")) ==
        reason::kUnsupportedLayout);
  CHECK(why(layer_with(good, (64 << 10) + 1)) == reason::kTooLarge);
  CHECK(why(layer_with(good, INT64_MAX)) == reason::kTooLarge);
  CHECK(why(layer_with("")) == reason::kSignatureInvalid);
  CHECK(why(layer_with("\n" + good)) == reason::kSignatureInvalid);
  CHECK(why(layer_with(good + "\n")) == reason::kSignatureInvalid);
  CHECK(why(layer_with(good.substr(0, good.size() - 1))) == reason::kSignatureInvalid);
  CHECK(why(layer_with(std::string(2052, 'A'))) == reason::kTooLarge);
  Descriptor misspelt = layer_with(good);
  misspelt.annotations.front().first = "dev.sigstore.cosign/signature";
  CHECK(why(misspelt) == reason::kSignatureInvalid);
}

TEST_CASE("verification is cheap", "[.benchmark]") {
  const SigningKey signer;
  const std::vector<PublicKey> keys = {public_key_of(signer)};
  const std::string payload = cosign_payload(kImage);
  const SignatureLayer layer{Digest::of(payload), payload.size(), signer.sign(payload)};
  constexpr int kRounds = 5000;
  const auto start = std::chrono::steady_clock::now();
  int good = 0;
  for (int i = 0; i < kRounds; ++i) good += verify_signature(layer, payload, keys, kImage) ? 1 : 0;
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  std::cout << int(kRounds / taken.count()) << " verifications/s\n";
  CHECK(good == kRounds);
}
