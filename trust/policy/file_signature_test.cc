// SPDX-License-Identifier: Apache-2.0
#include "trust/policy/file_signature.h"

#include <catch2/catch.hpp>
#include <string>

#include "base/file.h"
#include "trust/crypto/reasons.h"
#include "trust/testing/cosign.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using namespace kintsugi::trust::testing;

TEST_CASE("the form of a signature follows from what its file is called") {
  const std::pair<const char*, SignatureForm> rows[] = {
      {"/golden/web.qcow2.sig", SignatureForm::kDetached},
      {"SHA256SUMS.sig", SignatureForm::kDetached},
      {"SHA256SUMS.gpg", SignatureForm::kOpenPgp},
      {"SHA256SUMS.sign", SignatureForm::kOpenPgp},
      {"https://h.example.com/SHA256SUMS.asc", SignatureForm::kOpenPgp},
      {"SHA256SUMS.signature", SignatureForm::kBundle},
      {"web.qcow2.sigstore.json", SignatureForm::kBundle},
      {"web.qcow2.sigstore", SignatureForm::kBundle},
      {"web.sig.json", SignatureForm::kBundle},
      {"web.SIG", SignatureForm::kBundle},
      {"sig", SignatureForm::kBundle},
      {"", SignatureForm::kBundle},
  };
  for (const auto& [name, form] : rows) {
    INFO(name);
    CHECK(form_of(name) == form);
  }
  CHECK(signature_names("a", SignedKind::kContent) == std::vector<std::string>{"a.sigstore.json", "a.sig"});
  CHECK(signature_names("a", SignedKind::kList) ==
        std::vector<std::string>{"a.sigstore.json", "a.sig", "a.gpg", "a.sign"});
}

TEST_CASE("a file with signatures is read as the form that it has to have, and as no other") {
  const SigningKey key;
  const std::string bundle = blob_bundle(key, "content");
  const auto openpgp = [](const std::string& name) {
    return read_file("trust/testdata/openpgp/SHA256SUMS." + name, 1u << 16).value();
  };
  const auto reason_of = [](const std::string& text, SignatureForm form) {
    const auto signatures = parse_file_signatures(text, form);
    return signatures ? std::string() : signatures.error().reason;
  };
  CHECK(parse_file_signatures(bundle + "\n" + bundle, SignatureForm::kBundle)->size() == 2);
  CHECK(parse_file_signatures("MEUC", SignatureForm::kDetached)->size() == 1);
  CHECK(reason_of("MEUC", SignatureForm::kBundle) == reason::kBundleMalformed);
  CHECK(reason_of("", SignatureForm::kBundle) == reason::kBundleMalformed);
  CHECK(parse_file_signatures(openpgp("two.gpg"), SignatureForm::kOpenPgp)->size() == 2);
  CHECK(parse_file_signatures(openpgp("critical-notation.gpg") + openpgp("rsa.gpg"), SignatureForm::kOpenPgp)
            ->size() == 1);
  CHECK(reason_of(openpgp("critical-notation.gpg"), SignatureForm::kOpenPgp) == reason::kSignatureInvalid);
  CHECK(reason_of(openpgp("rsa.gpg"), SignatureForm::kBundle) == reason::kBundleMalformed);
  CHECK(reason_of(bundle, SignatureForm::kOpenPgp) == reason::kSignatureInvalid);
  CHECK(reason_of("", SignatureForm::kOpenPgp) == reason::kSignatureInvalid);
  CHECK(reason_of("", SignatureForm::kDetached) == reason::kSignatureInvalid);
  CHECK(reason_of(std::string(kMaxDetachedBytes, 'A'), SignatureForm::kDetached).empty());
  CHECK(reason_of(std::string(kMaxDetachedBytes + 1, 'A'), SignatureForm::kDetached) == reason::kTooLarge);
}
