// SPDX-License-Identifier: Apache-2.0
#include "trust/artifact/disk_artifact.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/testing/scratch_directory.h"
#include "cli/trust_test_program.h"

namespace kintsugi::cli {
namespace {

using nlohmann::json;

const std::string kDisk = read_file("trust/testdata/disk/disk.qcow2", 4u << 20).value();

/// A registry with a signed artifact, and a folder for what comes of it.
class Shelf {
 public:
  Shelf() {
    REQUIRE(write_file_durably(path("key.pub"), key_.pem()));
    REQUIRE(write_file_durably(path("disk"), "what was there before"));
  }

  std::string path(const std::string& name) const { return folder_ / name; }
  /// vm/golden:1 with these layers.
  void put(const std::vector<std::string>& layers, const std::string& type = "application/octet-stream") {
    json list = json::array();
    for (const std::string& layer : layers) {
      list.push_back({{"mediaType", type},
                      {"digest", world_.registry.put_blob("vm/golden", layer).text()},
                      {"size", layer.size()}});
    }
    const json config = {{"mediaType", "application/vnd.oci.empty.v1+json"},
                         {"digest", world_.registry.put_blob("vm/golden", "{}").text()},
                         {"size", 2}};
    const json manifest = {{"schemaVersion", 2},
                           {"mediaType", trust::kOciManifestType},
                           {"artifactType", "application/vnd.example.disk"},
                           {"config", config},
                           {"layers", list}};
    digest_ = world_.registry.put_manifest("vm/golden", manifest.dump(), "1").text();
  }
  void sign() { world_.registry.sign("vm/golden", trust::Digest::parse(digest_).value(), key_); }
  Ending fetch() {
    return world_.run({"fetch-disk-image", "r.example.com/vm/golden:1", "--to", path("disk"), "--key",
                       path("key.pub"), "-o", "json"});
  }
  std::string content() const { return read_file(path("disk"), 4u << 20).value(); }
  TrustWorld& world() { return world_; }

 private:
  const ScratchDirectory folder_;
  TrustWorld world_;
  SigningKey key_;
  std::string digest_;
};

}  // namespace

TEST_CASE("a signed disk image is fetched whole") {
  Shelf shelf;
  shelf.put({kDisk});
  shelf.sign();
  const Ending ending = shelf.fetch();
  INFO(ending.err);
  REQUIRE(ending.code == ExitCode::kDone);
  CHECK(shelf.content() == kDisk);
  const json document = json::parse(ending.out);
  CHECK(document["accepted"] == true);
  CHECK(document["disk"]["format"] == "qcow2");
  CHECK(document["disk"]["size"] == kDisk.size());
  CHECK(document["disk"]["digest"] == trust::Digest::of(kDisk).text());
}

TEST_CASE("what is refused leaves the file as it was") {
  Shelf shelf;
  std::string reason;
  SECTION("it is not signed") {
    shelf.put({kDisk});
    reason = "NoSignature";
  }
  SECTION("it names another file") {
    std::string backed = kDisk;
    backed.replace(8, 12, std::string("\0\0\0\0\0\0\1\0\0\0\0\4", 12));  // backing file at 256, 4 bytes
    shelf.put({backed});
    shelf.sign();
    reason = "DiskBackingFile";
  }
  SECTION("it has two layers") {
    shelf.put({kDisk, "more"});
    shelf.sign();
    reason = "DiskFormatUnsupported";
  }
  SECTION("it is a container's image") {
    shelf.put({kDisk}, "application/vnd.oci.image.layer.v1.tar+gzip");
    shelf.sign();
    reason = "DiskFormatUnsupported";
  }
  SECTION("the registry breaks off") {
    shelf.put({kDisk});
    shelf.sign();
    shelf.world().registry.intercept =
        [](const net::HttpRequest& request) -> trust::testing::FakeRegistry::Answer {
      if (request.headers.find("Range") == nullptr) return std::nullopt;
      return fail(make_error(ErrorCode::kUnavailable, "cut").because("RegistryUnavailable"));
    };
    reason = "RegistryUnavailable";
  }
  const Ending ending = shelf.fetch();
  CHECK(ending.code == ExitCode::kError);
  CHECK(ending.reason() == reason);
  CHECK(shelf.content() == "what was there before");
  CHECK_FALSE(std::filesystem::exists(shelf.path("disk.tmp")));
}

}  // namespace kintsugi::cli
