// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/encoding.h"
#include "base/file.h"
#include "base/testing/scratch_directory.h"
#include "host/images/golden_store.h"
#include "net/testing/scripted_transport.h"
#include "trust/crypto/reasons.h"
#include "trust/testing/cosign.h"
#include "trust/testing/fake_registry.h"

namespace kintsugi::host::testing {

using namespace trust::testing;
using namespace std::chrono_literals;
namespace fs = std::filesystem;
namespace reason = trust::reason;
using nlohmann::json;

inline const std::string kDisk = read_file("trust/testdata/disk/disk.qcow2", 4u << 20).value();
inline const std::string kUrl = "https://images.example.com/web.qcow2";
inline const std::string kArtifact = "oci://registry.example.com/vm/golden:1";

/// A signer, everything that images come from, and the store.
class World {
  const ScratchDirectory folder_;

 public:
  World() {
    accept({"file://" + folder_ / "**", "https://images.example.com/**", "http://127.0.0.1/**",
            "registry.example.com/**"});
  }

  std::string path(const std::string& name) const { return folder_ / name; }
  void write(const std::string& name, const std::string& content) const {
    REQUIRE(write_file_durably(path(name), content));
  }
  void write_signed(const std::string& name, const std::string& content) const {
    write(name, content);
    write(name + ".sigstore.json", blob_bundle(key, content));
  }
  void write_bare(const std::string& name, const std::string& content, const SigningKey& by) const {
    write(name, content);
    write(name + ".sig", base64_encode(by.sign(content)) + "\n");
  }
  /// Another policy beside those that are there; `more`: members of its spec.
  void accept(const json& images, const std::string& name = "golden", const json& more = json::object()) {
    json document = {{"apiVersion", "kintsugi.dev/v1alpha1"},
                     {"kind", "TrustPolicy"},
                     {"metadata", {{"name", name}}},
                     {"spec", {{"images", images}, {"authorities", {{{"key", {{"inline", key.pem()}}}}}}}}};
    document["spec"].update(more);
    ProblemList problems("policy");
    auto spec = trust::parse_trust_policy(from_json(document), problems);
    INFO((problems.empty() ? "" : problems.to_error().to_string()));
    REQUIRE(problems.empty());
    policies_.push_back(resolve_references(std::move(spec), nullptr));
  }
  void forget_policies() { policies_.clear(); }
  /// vm/golden:1 with these layers; returns its digest.
  trust::Digest put_artifact(const std::vector<std::string>& layers) {
    json list = json::array();
    for (const std::string& layer : layers) {
      list.push_back({{"mediaType", "application/octet-stream"},
                      {"digest", registry.put_blob("vm/golden", layer).text()},
                      {"size", layer.size()}});
    }
    const json config = {{"mediaType", "application/vnd.oci.empty.v1+json"},
                         {"digest", registry.put_blob("vm/golden", "{}").text()},
                         {"size", 2}};
    const json manifest = {{"schemaVersion", 2},
                           {"mediaType", trust::kOciManifestType},
                           {"artifactType", "application/vnd.example.disk"},
                           {"config", config},
                           {"layers", list}};
    return registry.put_manifest("vm/golden", manifest.dump(), "1");
  }

  Result<GoldenImage> provide(const std::string& location, const std::string& policy = {},
                              const std::string& bundle = {}) {
    return store.provide({location, bundle}, policy, clock.monotonic() + 60s, stop.get_token());
  }
  /// By the signed list SHA256SUMS.
  Result<GoldenImage> provide_listed(const std::string& location, const std::string& bundle = {}) {
    return store.provide({location, bundle, path("SHA256SUMS")}, {}, clock.monotonic() + 60s,
                         stop.get_token());
  }
  std::string reason_for(const std::string& location, const std::string& policy = {},
                         const std::string& bundle = {}) {
    const auto image = provide(location, policy, bundle);
    if (image) return reason::kVerified;
    INFO(image.error().to_string());
    CHECK_FALSE(image.error().object.empty());
    CHECK(fs::is_empty(path("images")));
    return image.error().reason;
  }

  SigningKey key;
  SystemClock clock;
  std::stop_source stop;
  FakeRegistry registry;
  net::ScriptedTransport web;
  const std::unique_ptr<ImageDirectory> directory = open_directory();
  trust::RegistryClient client{registry, clock};
  trust::VerdictCache verdicts{clock};
  trust::Verifier verifier{client, verdicts, clock};

 private:
  std::unique_ptr<ImageDirectory> open_directory() const {
    auto opened = ImageDirectory::open(path("images"), clock);
    REQUIRE(opened);
    return std::move(*opened);
  }

  std::vector<trust::TrustPolicy> policies_;

 public:
  GoldenStore store{{[this] { return std::make_shared<const std::vector<trust::TrustPolicy>>(policies_); },
                     verifier, client, web, [](const net::Url& url) { return url.host == "127.0.0.1"; },
                     *directory, clock}};
};

}  // namespace kintsugi::host::testing
