// SPDX-License-Identifier: Apache-2.0
#include "cli/verify_blob.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/encoding.h"
#include "base/file.h"
#include "base/testing/scratch_directory.h"
#include "base/testing/signing_key.h"
#include "cli/trust_test_program.h"
#include "trust/crypto/hash.h"
#include "trust/testing/cosign.h"

namespace kintsugi::cli {
namespace {

using nlohmann::json;

const std::string kBlobs = "trust/testdata/blobs/", kDisk = "trust/testdata/disk/";

/// `kintsugi trust verify-blob …`, which reaches no network.
Ending verify(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "verify-blob");
  return run_trust_program(std::move(arguments), SystemClock());
}

/// The reason of the answer, which is a refusal for every reason but Verified.
std::string reason_of(std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), {"-o", "json"});
  const Ending ending = verify(arguments);
  INFO(ending.err);
  CHECK((ending.code == ExitCode::kDone) == (ending.reason() == "Verified"));
  CHECK(std::count(ending.err.begin(), ending.err.end(), '\n') == (ending.code == ExitCode::kDone ? 0 : 1));
  return ending.reason();
}

/// A folder with files, a key, and its signatures over them.
class Release {
 public:
  explicit Release(const std::string& kind = "P-256") : key_(kind) { write("key.pub", key_.pem()); }

  const SigningKey& key() const { return key_; }
  std::string path(const std::string& name) const { return folder_ / name; }
  void write(const std::string& name, const std::string& content) const {
    REQUIRE(write_file_durably(path(name), content));
  }
  void write_signed(const std::string& name, const std::string& content) const {
    write(name, content);
    write(name + ".sig", base64_encode(key_.sign(content)) + "\n");
  }
  std::string bundle_about(const std::string& content) const {
    return trust::testing::keyed_bundle(key_, trust::testing::cosign_statement(trust::Digest::of(content)));
  }
  /// What becomes of `name` by the signature of `signed_name`.
  std::string ask(const std::string& name, const std::string& signed_name,
                  const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {path(name), "--signature", path(signed_name + ".sig"), "--key",
                                          path("key.pub")};
    if (name != signed_name) arguments.insert(arguments.end(), {"--checksums", path(signed_name)});
    arguments.insert(arguments.end(), more.begin(), more.end());
    return reason_of(arguments);
  }

 private:
  const ScratchDirectory folder_;
  SigningKey key_;
};

std::string hex_256(const std::string& content) {
  return hex_encode(trust::sha256(content));
}

std::string qcow2() {
  return read_file(kDisk + "disk.qcow2", 4096).value();
}

}  // namespace

TEST_CASE("trust verify-blob verifies a file by a bundle, or its digest") {
  const std::string artifact = kBlobs + "artifact.txt";
  const std::string digest = trust::Digest::of(read_file(artifact, 4096).value()).text();
  const auto by = [&](const std::string& subject, const std::string& key) {
    return reason_of({subject, "--bundle", kBlobs + key + ".sigstore.json", "--key", kBlobs + key + ".pub"});
  };
  for (const char* key : {"p256", "p384", "rsa3072", "ed25519"}) CHECK(by(artifact, key) == "Verified");
  CHECK(by(digest, "p256") == "Verified");
  CHECK(by(digest, "rsa3072") == "Verified");
  CHECK(by(digest, "ed25519") == "ContentNeeded");
  CHECK(by(trust::Digest::of("other").text(), "p256") == "KeyMismatch");
  CHECK(by(kBlobs + "p256.pub", "p256") == "KeyMismatch");
  CHECK(by("sha256:00", "p256") == "InvalidInput");
  CHECK(by("/nonexistent", "p256") == "InvalidInput");
}

TEST_CASE("trust verify-blob verifies a file by a keyless bundle") {
  const std::string data = "trust/testdata/conformance/", blob = data + "cosign-v3-blob/";
  const auto by = [&](const std::string& subject, const std::string& identity, const std::string& root) {
    return reason_of({subject, "--bundle", blob + "bundle.sigstore.json", "--certificate-identity", identity,
                      "--certificate-oidc-issuer", "https://github.com/login/oauth", "--trusted-root",
                      data + "roots/" + root});
  };
  const std::string artifact = blob + "artifact", identity = "w.vollprecht@gmail.com";
  CHECK(by(artifact, identity, "public-good.json") == "Verified");
  CHECK(by(trust::Digest::of(read_file(artifact, 1u << 20).value()).text(), identity, "public-good.json") ==
        "Verified");
  CHECK(by(artifact, "somebody@example.com", "public-good.json") == "IdentityMismatch");
  CHECK(by(artifact, identity, "staging.json") != "Verified");
  CHECK(by(data + "a.txt", identity, "public-good.json") != "Verified");
}

TEST_CASE("a statement about a list of checksums counts for the files in it") {
  const Release release;
  release.write("disk.img", "content");
  const std::string list = hex_256("content") + "  disk.img\n";
  release.write("SUMS", list);
  const auto ask = [&](const std::string& about, const std::vector<std::string>& more) {
    release.write("bundle", release.bundle_about(about));
    std::vector<std::string> arguments = {release.path("disk.img"), "--bundle", release.path("bundle"),
                                          "--key", release.path("key.pub")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return reason_of(arguments);
  };
  const std::vector<std::string> by_list = {"--checksums", release.path("SUMS")};
  CHECK(ask("content", {}) == "Verified");
  CHECK(ask(list, by_list) == "Verified");
  CHECK(ask(list, {}) == "DigestNotSigned");
  CHECK(ask("content", by_list) == "DigestNotSigned");
  release.write("disk.img", "Content");
  CHECK(ask("content", {}) == "DigestNotSigned");
  CHECK(ask(list, by_list) == "ChecksumMismatch");
}

TEST_CASE("trust verify-blob verifies a file by a detached signature of cosign") {
  const std::string disk = kDisk + "disk.qcow2";
  const std::string digest = trust::Digest::of(qcow2()).text();
  const auto by = [&](const std::string& subject, const std::string& signature, const std::string& key) {
    return reason_of({subject, "--signature", kDisk + signature, "--key", kDisk + key + ".pub"});
  };
  for (const std::string key : {"p256", "p384", "rsa3072", "ed25519"}) {
    INFO(key);
    CHECK(by(disk, "disk.qcow2." + key + ".sig", key) == "Verified");
    CHECK(by(kDisk + "SHA256SUMS", "disk.qcow2." + key + ".sig", key) == "KeyMismatch");
    CHECK(by(disk, "disk.qcow2." + key + ".sig", key == "p256" ? "p384" : "p256") != "Verified");
  }
  CHECK(by(digest, "disk.qcow2.p256.sig", "p256") == "Verified");
  CHECK(by(digest, "disk.qcow2.rsa3072.raw", "rsa3072") == "Verified");
  CHECK(by(digest, "disk.qcow2.p384.sig", "p384") == "ContentNeeded");
  CHECK(by(digest, "disk.qcow2.ed25519.raw", "ed25519") == "ContentNeeded");
  CHECK(by(disk, "SHA256SUMS.p256.sig", "p256") == "KeyMismatch");
  CHECK(by(disk, "SHA256SUMS", "p256") == "SignatureInvalid");
  CHECK(by(disk, "none.sig", "p256") == "InvalidInput");
}

TEST_CASE("a file is verified by a signed list of checksums") {
  const auto by = [&](const std::string& name, const std::string& list, const std::string& signature) {
    return reason_of({kDisk + name, "--checksums", kDisk + list, "--signature",
                      kDisk + signature + ".p256.sig", "--key", kDisk + "p256.pub"});
  };
  for (const char* list : {"SHA256SUMS", "SHA512SUMS"}) {
    CHECK(by("disk.qcow2", list, list) == "Verified");
    CHECK(by("p256.pub", list, list) == "Verified");
    CHECK(by("rsa3072.pub", list, list) == "ChecksumMissing");
    CHECK(by("none", list, list) == "ChecksumMissing");
    CHECK(by("disk.qcow2", list, "disk.qcow2") == "KeyMismatch");
  }
  CHECK(by("disk.qcow2", "SHA512SUMS", "SHA256SUMS") == "KeyMismatch");
  CHECK(by("disk.qcow2", "none", "SHA256SUMS") == "InvalidInput");
}

TEST_CASE("a list of checksums counts for the file that it names once") {
  const Release release(GENERATE("P-256", "ED25519"));
  const std::string good = hex_256("content") + "  disk.img\n";
  struct Case {
    std::string list, reason;
  };
  const Case cases[] = {
      {good, "Verified"},
      {"# made by us\nSHA256 (./disk.img) = " + hex_256("content"), "Verified"},
      {hex_256("Content") + "  disk.img\n", "ChecksumMismatch"},
      {hex_256("content") + "  a/disk.img\n", "ChecksumMissing"},
      {hex_256("content") + "  other.img\n", "ChecksumMissing"},
      {good + hex_256("Content") + "  disk.img\n", "ChecksumAmbiguous"},
      {good + good, "ChecksumAmbiguous"},
      {good + "\n", "ChecksumsMalformed"},
      {good + std::string(32, 'a') + "  disk.img\n", "ChecksumUnsupported"},
      {"", "ChecksumsMalformed"},
      {std::string((1u << 20) + 1, '#'), "InvalidInput"},
  };
  release.write("disk.img", "content");
  for (const Case& c : cases) {
    INFO(c.list.substr(0, 200));
    release.write_signed("SUMS", c.list);
    CHECK(release.ask("disk.img", "SUMS") == c.reason);
  }
  // Nothing of a list is believed that is not signed.
  release.write("SUMS", good);
  CHECK(release.ask("disk.img", "SUMS") == "KeyMismatch");
}

TEST_CASE("a qcow2 image that names other files is refused, however well it is signed") {
  struct Case {
    std::size_t at;
    char value;
    const char* reason;
  };
  const auto c = GENERATE(values<Case>({
      {511, 1, "Verified"},
      {15, 1, "DiskBackingFile"},
      {79, 4, "DiskExternalDataFile"},
      {35, 1, "DiskEncrypted"},
      {79, 1, "DiskNotClean"},
      {79, 32, "DiskFormatUnsupported"},
      {7, 9, "DiskFormatUnsupported"},
      {59, 0, "DiskMalformed"},
  }));
  INFO(c.reason);
  const Release release(GENERATE("P-256", "ED25519"));
  std::string image = qcow2();
  image[c.at] = c.value;
  release.write_signed("a", image);
  release.write_signed("SUMS", hex_256(image) + "  a\n");
  CHECK(release.ask("a", "a") == c.reason);
  CHECK(release.ask("a", "a", {"--disk-image"}) == c.reason);
  CHECK(release.ask("a", "SUMS") == c.reason);
  CHECK(release.ask("a", "SUMS", {"--disk-image"}) == c.reason);
  // The signature comes first.
  release.write("a", image + "x");
  CHECK(release.ask("a", "a") == "KeyMismatch");
  CHECK(release.ask("a", "SUMS") == "ChecksumMismatch");
}

TEST_CASE("--disk-image takes qcow2 and raw only") {
  const Release release;
  const auto ask = [&](const std::string& content, const std::vector<std::string>& more) {
    release.write_signed("a", content);
    return release.ask("a", "a", more);
  };
  const std::string sector(508, '\0');
  for (const std::string& start :
       {std::string("KDMV"), std::string("# Disk DescriptorFile"), std::string("vhdxfile"),
        std::string("conectix"), std::string("QED\0", 4)}) {
    CHECK(ask(start + sector, {}) == "Verified");
    CHECK(ask(start + sector, {"--disk-image"}) == "DiskFormatUnsupported");
  }
  CHECK(ask("text", {"--disk-image"}) == "DiskMalformed");
  CHECK(ask("text", {}) == "Verified");
  CHECK(ask(std::string(512, 'a'), {"--disk-image"}) == "Verified");
}

TEST_CASE("what the disk is stands in the answer") {
  const std::vector<std::string> question = {kDisk + "disk.qcow2", "--signature",
                                             kDisk + "disk.qcow2.p256.sig", "--key", kDisk + "p256.pub"};
  CHECK_THAT(verify(question).out, Catch::Contains("  a disk of 1048576 bytes, qcow2\n"));
  std::vector<std::string> as_json = question;
  as_json.insert(as_json.end(), {"-o", "json"});
  CHECK(json::parse(verify(as_json).out)["disk"] == json({{"format", "qcow2"}, {"virtualSize", 1'048'576}}));
  const Ending text = verify({kBlobs + "artifact.txt", "--bundle", kBlobs + "p256.sigstore.json", "--key",
                              kBlobs + "p256.pub", "-o", "json"});
  CHECK_FALSE(json::parse(text.out).contains("disk"));
}

TEST_CASE("a large file is hashed, and refused where its signature needs all of it") {
  const Release ed25519("ED25519");
  const std::string large((64u << 20) + 1, '\0');
  ed25519.write_signed("a", large);
  CHECK(ed25519.ask("a", "a") == "ContentNeeded");
  ed25519.write_signed("SUMS", hex_256(large) + "  a\n");
  CHECK(ed25519.ask("a", "SUMS") == "Verified");
  ed25519.write_signed("a", large.substr(1));
  CHECK(ed25519.ask("a", "a") == "Verified");
}

TEST_CASE("trust verify-blob says what policies make of a file, from where it is or will be") {
  const Release release;
  release.write("disk.qcow2", qcow2());
  release.write("disk.bundle", trust::testing::blob_bundle(release.key(), qcow2()));
  release.write("golden.yaml",
                "apiVersion: kintsugi.dev/v1alpha1\nkind: TrustPolicy\nmetadata: {name: golden}\nspec:\n"
                "  images: ['file://" +
                    release.path("*") +
                    "', 'https://h.example.com/**']\n"
                    "  authorities: [{key: {file: '" +
                    release.path("key.pub") + "'}}]\n");
  const auto by = [&](const std::string& subject, std::vector<std::string> more) {
    more.insert(more.begin(), {subject, "--policy", release.path("golden.yaml")});
    return reason_of(more);
  };
  const std::string disk = release.path("disk.qcow2"), bundle = release.path("disk.bundle");
  CHECK(by(disk, {"--bundle", bundle}) == "Verified");
  CHECK(by(disk, {"--bundle", bundle, "--location", "https://h.example.com/web.qcow2"}) == "Verified");
  CHECK(by(disk, {"--bundle", bundle, "--location", "/elsewhere/web.qcow2"}) == "NoMatchingPolicy");
  CHECK(by(disk, {"--bundle", bundle, "--location", "relative"}) == "ImageReferenceInvalid");
  CHECK(by(disk, {}) == "NoSignature");
  CHECK(by(release.path("key.pub"), {"--bundle", bundle}) == "KeyMismatch");
  const std::string digest = trust::Digest::of(qcow2()).text();
  CHECK(by(digest, {"--bundle", bundle, "--location", "https://h.example.com/x"}) == "Verified");
  const Ending ending =
      verify({disk, "--policy", release.path("golden.yaml"), "--bundle", bundle, "-o", "json"});
  const json document = json::parse(ending.out);
  CHECK(document["policy"] == "golden");
  CHECK(document["disk"]["format"] == "qcow2");
  CHECK(document["image"] == "file://" + disk);
}

TEST_CASE("trust verify-blob says what policies make of bare signatures and of lists, by real files") {
  const Release release;
  const auto by = [&](const std::string& name, const std::string& key, std::vector<std::string> more) {
    release.write("golden.yaml",
                  "apiVersion: kintsugi.dev/v1alpha1\nkind: TrustPolicy\nmetadata: {name: golden}\nspec:\n"
                  "  images: ['file:///golden/**', 'https://h.example.com/**']\n"
                  "  authorities: [{key: {inline: " +
                      json(read_file(kDisk + key + ".pub", 4096).value()).dump() + "}}]\n");
    more.insert(more.begin(), {kDisk + name, "--policy", release.path("golden.yaml")});
    if (std::find(more.begin(), more.end(), "--location") == more.end())
      more.insert(more.end(), {"--location", "/golden/" + name});
    return reason_of(more);
  };
  const auto bare = [&](const std::string& file) {
    return std::vector<std::string>{"--signature", kDisk + file};
  };
  const auto listed = [&](const std::string& list, const std::string& signature) {
    return std::vector<std::string>{"--checksums", kDisk + list, "--signature", kDisk + signature};
  };
  CHECK(by("disk.qcow2", "p256", bare("disk.qcow2.p256.sig")) == "Verified");
  CHECK(by("disk.qcow2", "rsa3072", bare("disk.qcow2.rsa3072.raw")) == "Verified");
  CHECK(by("disk.qcow2", "p384", bare("disk.qcow2.p384.sig")) == "ContentNeeded");
  CHECK(by("disk.qcow2", "ed25519", bare("disk.qcow2.ed25519.sig")) == "ContentNeeded");
  CHECK(by("disk.qcow2", "p256", bare("SHA256SUMS.p256.sig")) == "KeyMismatch");
  CHECK(by("disk.qcow2", "rsa3072", bare("disk.qcow2.p256.sig")) == "SignatureInvalid");
  CHECK(by("p256.pub", "p256", bare("disk.qcow2.p256.sig")) == "KeyMismatch");
  CHECK(by("disk.qcow2", "p256", listed("SHA256SUMS", "SHA256SUMS.p256.sig")) == "Verified");
  CHECK(by("disk.qcow2", "p256", listed("SHA256SUMS", "disk.qcow2.p256.sig")) == "KeyMismatch");
  CHECK(by("disk.qcow2", "p256", listed("SHA512SUMS", "SHA512SUMS.p256.sig")) == "ChecksumUnsupported");
  CHECK(by("rsa3072.pub", "p256", listed("SHA256SUMS", "SHA256SUMS.p256.sig")) == "ChecksumMissing");
  CHECK(by("disk.qcow2", "p256", {"--checksums", kDisk + "SHA256SUMS"}) == "NoSignature");
  // As a controller would answer, which knows no content of a web server's before it is signed.
  std::vector<std::string> from_web = bare("disk.qcow2.p256.sig");
  from_web.insert(from_web.end(), {"--location", "https://h.example.com/disk.qcow2"});
  CHECK(by("disk.qcow2", "p256", from_web) == "ContentNeeded");
  from_web = listed("SHA256SUMS", "SHA256SUMS.p256.sig");
  from_web.insert(from_web.end(), {"--location", "https://h.example.com/disk.qcow2"});
  CHECK(by("disk.qcow2", "p256", from_web) == "Verified");
  // The list is about what the place is called, and the content is that file's.
  CHECK(by("rsa3072.pub", "p256", from_web) == "ChecksumMismatch");
}

TEST_CASE("trust verify-blob says what policies make of lists that are signed by OpenPGP") {
  const Release release;
  const std::string data = std::filesystem::absolute("trust/testdata/openpgp").string() + "/";
  const auto by = [&](const std::string& signature, const std::string& key) {
    release.write("golden.yaml",
                  "apiVersion: kintsugi.dev/v1alpha1\nkind: TrustPolicy\nmetadata: {name: golden}\nspec:\n"
                  "  images: ['file:///golden/**']\n"
                  "  authorities: [{openpgp: {file: '" +
                      data + key + "'}}]\n");
    return reason_of({kDisk + "disk.qcow2", "--policy", release.path("golden.yaml"), "--location",
                      "/golden/disk.qcow2", "--checksums", data + "SHA256SUMS", "--signature",
                      data + "SHA256SUMS." + signature});
  };
  CHECK(by("rsa.gpg", "rsa.asc") == "Verified");
  CHECK(by("rsa.asc", "rsa.gpg") == "Verified");
  CHECK(by("ed25519.gpg", "ed25519.asc") == "Verified");
  CHECK(by("rsa.gpg", "other.asc") == "KeyMismatch");
  CHECK(by("by-revoked.gpg", "revoked.asc") == "KeyRevoked");
  CHECK(by("inline.asc", "rsa.asc") == "SignatureInvalid");
  CHECK(by("weak.gpg", "weak.asc") == "UnsupportedKey");
}

TEST_CASE("trust sign-requirements says that OpenPGP signs no image, where a policy selects files, too") {
  const Release release;
  release.write("both.yaml",
                "apiVersion: kintsugi.dev/v1alpha1\nkind: TrustPolicy\nmetadata: {name: both}\nspec:\n"
                "  images: ['file:///golden/**', 'r.example.com/**']\n"
                "  authorities: [{openpgp: {file: '" +
                    std::filesystem::absolute("trust/testdata/openpgp/rsa.asc").string() + "'}}]\n");
  const Ending ending = run_trust_program(
      {"sign-requirements", "r.example.com/shop/web:1", "--policy", release.path("both.yaml")},
      SystemClock());
  CHECK(ending.code == ExitCode::kDone);
  CHECK_THAT(ending.out, Catch::Contains("openpgp:"));
  CHECK_THAT(ending.out, Catch::Contains("no image"));
}

TEST_CASE("wrong use of verify-blob ends with 2 and a word about it") {
  const std::string digest = "sha256:" + std::string(64, 'a');
  const std::vector<std::vector<std::string>> cases = {
      {},
      {"f"},
      {"f", "--key", "a"},
      {"f", "--bundle", "b"},
      {"f", "--signature", "b"},
      {"f", "--bundle", "b", "--key", "a", "--policy", "p"},
      {"f", "--bundle", "b", "--signature", "s", "--key", "a"},
      {"f", "--checksums", "b", "--key", "a"},
      {"f", "--disk-image", "--key", "a"},
      {"f", "--signature", "s", "--certificate-identity", "i", "--certificate-oidc-issuer", "j"},
      {"f", "--signature", "s", "--key", "a", "--certificate-identity", "i", "--certificate-oidc-issuer",
       "j"},
      {"f", "--signature", "s", "--key", "a", "--trusted-root", "r"},
      {"f", "--signature", "s", "--signature", "t", "--key", "a"},
      {digest, "--checksums", "c", "--bundle", "b", "--key", "a"},
      {digest, "--disk-image", "--bundle", "b", "--key", "a"},
      {digest, "--disk-image", "--signature", "b", "--key", "a"},
      {"f", "--policy", "p", "--signature", "s", "--bundle", "b"},
      {"f", "--bundle", "b", "--key", "a", "--location", "/golden/f"},
      {digest, "--policy", "p", "--bundle", "b"},
      {digest, "--policy", "p", "--bundle", "b", "--location", "/golden/f", "--disk-image"},
  };
  for (const auto& arguments : cases) {
    INFO(json(arguments).dump());
    const Ending ending = verify(arguments);
    CHECK(ending.code == ExitCode::kWrongUse);
    CHECK(ending.out.empty());
    CHECK_FALSE(ending.err.empty());
  }
  const Ending help = verify({"--help"});
  CHECK(help.code == ExitCode::kDone);
  for (const char* flag :
       {"--bundle", "--signature", "--checksums", "--disk-image", "--policy", "--location"})
    CHECK_THAT(help.out, Catch::Contains(flag));
}

}  // namespace kintsugi::cli
