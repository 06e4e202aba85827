// SPDX-License-Identifier: Apache-2.0
#include "trust/sigstore/bundle_list.h"

#include <catch2/catch.hpp>

#include "base/file.h"
#include "trust/crypto/reasons.h"
#include "trust/testing/cosign.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using namespace kintsugi::trust::testing;

namespace {

const std::string kOne = read_file("trust/testdata/blobs/p256.sigstore.json", 1u << 20).value();

std::string repeated(const std::string& line, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += line + "\n";
  return text;
}

}  // namespace

TEST_CASE("a file has one bundle, on one line or on many, or several on a line each") {
  const std::string bundle = blob_bundle(SigningKey(), "content");
  std::string spread = bundle;
  spread.insert(1, "\n");
  spread.insert(spread.size() - 1, "\n");
  CHECK(parse_bundles(kOne)->size() == 1);
  CHECK(parse_bundles(bundle)->size() == 1);
  CHECK(parse_bundles(bundle + "\n")->size() == 1);
  CHECK(parse_bundles(spread)->size() == 1);
  CHECK(parse_bundles(bundle + "\n" + blob_bundle(SigningKey(), "content"))->size() == 2);
  CHECK(parse_bundles(repeated(bundle, kMaxBundles))->size() == kMaxBundles);
}

TEST_CASE("what is no bundle, among others too, spoils the file") {
  const std::string bundle = blob_bundle(SigningKey(), "content");
  for (const std::string& bad :
       {std::string(), std::string("\n"), std::string("{}"), std::string("no bundle"), bundle + bundle,
        bundle + "\n\n" + bundle, bundle + "\r\n" + bundle, bundle + "\n{}", "{}\n" + bundle,
        bundle + "\nmore", repeated(bundle, kMaxBundles + 1)}) {
    INFO(bad.substr(0, 100));
    CHECK_FALSE(parse_bundles(bad));
  }
  CHECK(parse_bundles(bundle + "\n{}").error().message.starts_with("line 2: "));
  CHECK(parse_bundles(repeated(bundle, kMaxBundles + 1)).error().reason == reason::kBundleMalformed);
}
