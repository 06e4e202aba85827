// SPDX-License-Identifier: Apache-2.0
#include "trust/sigstore/cosign_signature.h"

#include <catch2/catch.hpp>
#include <vector>

#include "base/encoding.h"
#include "trust/crypto/reasons.h"
#include "trust/testing/cosign.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using testing::cosign_payload;

namespace {

const Digest kImage = Digest::of("image");

Descriptor layer_with(const std::string& signature, std::int64_t size = 240,
                      const std::string& type = "application/vnd.dev.cosign.simplesigning.v1+json") {
  Descriptor layer{type, Digest::of("payload"), size, {}, {}, {}};
  layer.annotations.emplace_back("dev.cosignproject.cosign/signature", signature);
  return layer;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("what cosign's payload may vary in is accepted") {
  const std::string payload = cosign_payload(kImage);
  CHECK(
      parse_signed_payload(replaced(payload, R"("optional":null)", R"("optional":{"release":"1.0","n":1})")));
  CHECK(parse_signed_payload(replaced(payload, R"("optional":null)", R"("optional":{})")));
  CHECK(parse_signed_payload("\n " + payload + "\n"));
}

TEST_CASE("a payload is refused when it is not strictly what it must be") {
  const std::string payload = cosign_payload(kImage);
  const std::string& digest = kImage.text();
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
  const auto refused = parse_signed_payload(c.payload);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().reason == reason::kPayloadMalformed);
}

TEST_CASE("a payload says which image it is about, under which name, and what was annotated") {
  const auto read = parse_signed_payload(replaced(cosign_payload(kImage, "r.io/web"), R"("optional":null)",
                                                  R"("optional":{"env":"prod","n":1})"));
  REQUIRE(read);
  CHECK(read->image == kImage);
  CHECK(read->docker_reference == "r.io/web");
  CHECK(read->annotations == Annotations{{"env", "prod"}});
}

TEST_CASE("a payload over 64 KiB is not read") {
  CHECK_FALSE(parse_signed_payload(cosign_payload(kImage) + std::string(kMaxPayloadBytes, ' ')));
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
