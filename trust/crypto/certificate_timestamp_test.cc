// SPDX-License-Identifier: Apache-2.0
#include "trust/crypto/certificate_timestamp.h"

#include <catch2/catch.hpp>
#include <functional>

#include "base/file.h"
#include "base/testing/signing_key.h"
#include "trust/crypto/hash.h"
#include "trust/crypto/reasons.h"
#include "trust/testing/test_authority.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using namespace std::string_literals;
using testing::kTestTime;
using testing::leaf_fields;
using testing::TestSigner;

namespace {

std::string read_bytes(const std::string& name) {
  return read_file("trust/testdata/crypto/" + name, 1u << 20).value();
}

Certificate read_certificate(const std::string& name) {
  return Certificate::parse_der(read_bytes(name)).value();
}

LogKey log_of(const std::string& key_der, TimeRange valid_for = {}) {
  return {sha256(key_der), "", PublicKey::parse(key_der).value(), valid_for};
}

std::string number(std::uint64_t value, int size) {
  std::string out;
  for (int i = size - 1; i >= 0; --i) out += char(value >> (8 * i));
  return out;
}

std::string vector(const std::string& content) {
  return number(content.size(), 2) + content;
}

/// A log that writes what a case wants.
struct Log {
  SigningKey key;
  std::string id = sha256(key.der());
  std::uint64_t milliseconds = std::uint64_t(
      std::chrono::duration_cast<std::chrono::milliseconds>(kTestTime.time_since_epoch()).count());
  std::string version = "\0"s, algorithm = "\4\3"s, extensions, trailing;
  const char* hash = "SHA256";

  explicit Log(const std::string& kind = "P-256") : key(kind) {
    if (kind.starts_with("RSA")) algorithm = "\4\1"s;
  }

  std::string timestamp(const std::string& precertificate, const Certificate& issuer) const {
    const std::string what = "\0\0"s + number(milliseconds, 8) + "\0\1"s + sha256(issuer.public_key_der()) +
                             number(precertificate.size(), 3) + precertificate + vector(extensions);
    return version + id + number(milliseconds, 8) + vector(extensions) + algorithm +
           vector(key.sign(what, hash)) + trailing;
  }
};

struct Issuer {
  TestSigner root = TestSigner::root();

  Result<void> verify(const TestSigner::Log& list, const std::vector<LogKey>& logs) const {
    return verify_certificate_timestamp(root.issue(leaf_fields(), list).certificate(), root.certificate(),
                                        logs);
  }
  Result<void> verify(const Log& log) const {
    return verify(
        [&](const std::string& tbs) { return vector(vector(log.timestamp(tbs, root.certificate()))); },
        {log_of(log.key.der())});
  }
};

void check_refused(const Result<void>& result, ErrorCode code = ErrorCode::kRefused,
                   const char* why = reason::kSctInvalid) {
  REQUIRE_FALSE(result);
  INFO(result.error().message);
  CHECK(result.error().code == code);
  CHECK(result.error().reason == why);
}

}  // namespace

TEST_CASE("certificates of real Fulcios are in the log of certificates that they say") {
  const auto [leaf, issuer, log] = GENERATE(table<std::string, std::string, std::string>({
      {"fulcio-leaf-uri.der", "fulcio-intermediate.der", "ctlog-2022.der"},
      {"fulcio-leaf-email.der", "fulcio-intermediate.der", "ctlog-2022.der"},
      {"scaffolding-leaf.der", "scaffolding-root.der", "scaffolding-ctlog.der"},
  }));
  INFO(leaf);
  const std::vector<LogKey> logs{log_of(read_bytes("ctlog-test.der")), log_of(read_bytes(log))};
  CHECK(verify_certificate_timestamp(read_certificate(leaf), read_certificate(issuer), logs));
  check_refused(
      verify_certificate_timestamp(read_certificate(leaf), read_certificate("fulcio-root.der"), logs));
  check_refused(verify_certificate_timestamp(read_certificate(leaf), read_certificate(issuer), {}));
  check_refused(verify_certificate_timestamp(read_certificate(leaf), read_certificate(issuer),
                                             std::span(logs).first(1)));
}

TEST_CASE("another key under the id of a real log verifies nothing") {
  LogKey log = log_of(read_bytes("ctlog-test.der"));
  log.id = log_of(read_bytes("ctlog-2022.der")).id;
  check_refused(verify_certificate_timestamp(read_certificate("fulcio-leaf-uri.der"),
                                             read_certificate("fulcio-intermediate.der"),
                                             std::span(&log, 1)));
}

TEST_CASE("no real certificate with a flipped bit in what its log signed verifies") {
  const std::string der = read_bytes("fulcio-leaf-email.der");
  const Certificate issuer = read_certificate("fulcio-intermediate.der");
  const std::vector<LogKey> logs{log_of(read_bytes("ctlog-2022.der"))};
  // The outer SEQUENCE's header, and the signature by the issuer with its algorithm, are not signed by the
  // log.
  const std::size_t end = 4 + 4 + (std::size_t(std::uint8_t(der[6])) << 8 | std::uint8_t(der[7]));
  int read = 0;
  for (std::size_t i = 4; i < end; ++i) {
    std::string flipped = der;
    flipped[i] = char(flipped[i] ^ 1);
    const auto leaf = Certificate::parse_der(flipped);
    if (!leaf) continue;
    ++read;
    INFO(i);
    CHECK_FALSE(verify_certificate_timestamp(*leaf, issuer, logs));
  }
  CHECK(read > 300);
}

TEST_CASE("a log's time must be one for which its key is valid") {
  const auto ms = [](int n) { return std::chrono::milliseconds(n); };
  const auto [range, good] = GENERATE_COPY(table<TimeRange, bool>({
      {TimeRange{kTestTime, kTestTime}, true},
      {TimeRange{}, true},
      {TimeRange{kTestTime + ms(1), std::nullopt}, false},
      {TimeRange{std::nullopt, kTestTime - ms(1)}, false},
  }));
  const Issuer issuer;
  const Log log;
  const auto verified = issuer.verify(
      [&](const std::string& tbs) { return vector(vector(log.timestamp(tbs, issuer.root.certificate()))); },
      {log_of(log.key.der(), range)});
  if (good) {
    CHECK(verified);
  } else {
    check_refused(verified);
  }
}

TEST_CASE("timestamps are good by each kind of key, with and without extensions") {
  Log log(GENERATE("P-256", "P-384", "RSA-2048"));
  log.extensions = GENERATE(""s, "\0\0\5abcde"s);
  CHECK(Issuer().verify(log));
}

TEST_CASE("a timestamp that is not as the log would write it is refused") {
  struct Case {
    std::string name;
    std::function<void(Log&)> change;
    std::string kind = "P-256";
    ErrorCode code = ErrorCode::kRefused;
  };
  const auto c = GENERATE(values<Case>({
      {"hash SHA-1", [](Log& l) { l.algorithm = "\2\3"s; }},
      {"hash SHA-512", [](Log& l) { l.algorithm = "\6\3"s; }},
      {"algorithm of another key", [](Log& l) { l.algorithm = "\4\1"s; }},
      {"ECDSA of an RSA key", [](Log& l) { l.algorithm = "\4\3"s; }, "RSA-2048"},
      {"anonymous", [](Log& l) { l.algorithm = "\4\0"s; }},
      {"Ed25519", [](Log&) {}, "ED25519"},
      {"signed by SHA-384", [](Log& l) { l.hash = "SHA384"; }, "P-384"},
      {"signed by SHA-1", [](Log& l) { l.hash = "SHA1"; }, "RSA-2048"},
      {"another log's id", [](Log& l) { l.id.back() = char(l.id.back() ^ 1); }},
      {"later version", [](Log& l) { l.version = "\1"; }},
      {"time beyond any", [](Log& l) { l.milliseconds = UINT64_MAX; }},
      {"short id", [](Log& l) { l.id.pop_back(); }, "P-256", ErrorCode::kInvalidInput},
      {"bytes after it", [](Log& l) { l.trailing = "x"; }, "P-256", ErrorCode::kInvalidInput},
  }));
  INFO(c.name);
  Log log(c.kind);
  c.change(log);
  check_refused(Issuer().verify(log), c.code);
}

TEST_CASE("a timestamp over another certificate is refused") {
  const Issuer issuer;
  const Log log;
  const auto list = [&](const std::string& tbs, const Certificate& by) {
    return vector(vector(log.timestamp(tbs, by)));
  };
  check_refused(
      issuer.verify([&](const std::string& tbs) { return list(tbs + "x", issuer.root.certificate()); },
                    {log_of(log.key.der())}));
  check_refused(
      issuer.verify([&](const std::string& tbs) { return list(tbs, TestSigner::root().certificate()); },
                    {log_of(log.key.der())}));
}

TEST_CASE("one good timestamp of several is enough, wherever it stands") {
  const Issuer issuer;
  const Log good, unknown;
  Log later;
  later.version = "\1later"s;
  for (const auto& order :
       {std::vector<const Log*>{&good, &unknown, &later}, std::vector<const Log*>{&later, &unknown, &good}}) {
    CHECK(issuer.verify(
        [&](const std::string& tbs) {
          std::string list;
          for (const Log* log : order) list += vector(log->timestamp(tbs, issuer.root.certificate()));
          return vector(list);
        },
        {log_of(good.key.der())}));
  }
}

TEST_CASE("a malformed list is refused, also with a good timestamp in it") {
  const Issuer issuer;
  const Log log;
  const std::string name =
      GENERATE("empty", "empty list", "trailing", "short", "empty entry", "cut off", "many");
  INFO(name);
  const auto verified = issuer.verify(
      [&](const std::string& tbs) {
        const std::string one = vector(log.timestamp(tbs, issuer.root.certificate()));
        if (name == "empty list") return vector("");
        if (name == "trailing") return vector(one) + "x";
        if (name == "short") return number(one.size() + 1, 2) + one;
        if (name == "empty entry") return vector(one + vector(""));
        if (name == "cut off") return vector(one + one.substr(0, one.size() - 1));
        if (name != "many") return ""s;
        std::string many;
        for (int i = 0; i < 17; ++i) many += one;
        return vector(many);
      },
      {log_of(log.key.der())});
  check_refused(verified, name == "many" ? ErrorCode::kTooLarge : ErrorCode::kInvalidInput);
}

TEST_CASE("a certificate without timestamps, or with two lists, is refused") {
  const Issuer issuer;
  const LogKey log = log_of(Log().key.der());
  check_refused(verify_certificate_timestamp(issuer.root.issue(leaf_fields()).certificate(),
                                             issuer.root.certificate(), std::span(&log, 1)),
                ErrorCode::kRefused, reason::kSctMissing);
  const char* oid = "1.3.6.1.4.1.11129.2.4.2";
  for (const std::string& value : {"DER:04:02:00:00"s, "DER:05:00"s, "DER:04:81:02:00:00"s, "DER:00"s}) {
    const auto leaf = issuer.root.issue(leaf_fields().set(oid, value)).certificate();
    check_refused(verify_certificate_timestamp(leaf, issuer.root.certificate(), std::span(&log, 1)),
                  ErrorCode::kInvalidInput);
  }
  auto twice = leaf_fields();
  for (int i = 0; i < 2; ++i) twice.extensions.emplace_back(oid, "DER:04:02:00:00");
  check_refused(verify_certificate_timestamp(issuer.root.issue(twice).certificate(),
                                             issuer.root.certificate(), std::span(&log, 1)),
                ErrorCode::kInvalidInput);
}
