// SPDX-License-Identifier: Apache-2.0
#include "trust/import/authority_import.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "base/escape.h"
#include "base/kubernetes_name.h"
#include "trust/crypto/public_key.h"
#include "trust/import/pattern_import.h"

namespace kintsugi::trust {
namespace {

using nlohmann::json;
using Kind = ImportedAuthority::Kind;

constexpr std::size_t kMaxNameBytes = 63;
constexpr std::size_t kMaxShownBytes = 128;
constexpr TextLimits kKeyLimits{.max_bytes = 64u << 10};
constexpr char kDefaultRoots[] =
    "its certificates and logs count by Kintsugi's own --trusted-root, as by policy-controller's own root "
    "there";

/// One authority while it is read.
class AuthorityImport {
 public:
  AuthorityImport(const Node& node, std::size_t index, RemarkList& remarks)
      : node_(node), remarks_(remarks), name_(fmt::format("authority-{}", index)), problems_("") {
    out_.path = join_path("spec.authorities", index);
  }

  ImportedAuthority run();

 private:
  void read_kind(ObjectReader& reader);
  void read_signing(ObjectReader& reader, bool is_keyless);
  void read_key(const Node& node, const std::string& path);
  void read_inline_key(ObjectReader& reader, const std::string& data, const std::string& hash);
  void read_secret(const Node& node, const std::string& path);
  void read_keyless(const Node& node, const std::string& path);
  void read_identities(const Node& list, const std::string& path);
  void read_text(ObjectReader& reader, const std::string& name, json& identity);
  void read_static(const Node& node, const std::string& path);
  void read_log(const Node& node, const std::string& path, bool is_keyless);
  void read_source(const Node& list, const std::string& path);
  void name_signers();

  const Node& node_;
  RemarkList& remarks_;
  ImportedAuthority out_;
  std::string name_;
  ProblemList problems_;  ///< any of them: the authority is left away
  std::string root_;      ///< trustRootRef; empty: the default
};

ImportedAuthority AuthorityImport::run() {
  ObjectReader reader(node_, out_.path,
                      {"name", "key", "keyless", "static", "source", "ctlog", "attestations",
                       "rfc3161timestamp", "signatureFormat"},
                      problems_);
  std::string name;
  if (reader.string("name", name) && !name.empty()) name_ = std::move(name);
  read_kind(reader);
  if (const Node* list = reader.array("attestations"))
    out_.attestations = read_attestations(*list, reader.path_of("attestations"), problems_);
  if (!problems_.empty()) {
    remarks_.add(problems_, ImportRemark::Kind::kLost);
    remarks_.lost(out_.path, "left away, for what is said above; any other authority still suffices");
    out_.kind = Kind::kLeftAway;
    out_.signers.clear();
  }
  name_signers();
  return std::move(out_);
}

void AuthorityImport::read_kind(ObjectReader& reader) {
  const Node* key = reader.object("key");
  const Node* keyless = reader.object("keyless");
  const Node* fixed = reader.object("static");
  if (int(key != nullptr) + int(keyless != nullptr) + int(fixed != nullptr) != 1) {
    problems_.add(node_.position, out_.path, "exactly one of 'key', 'keyless' and 'static' is needed");
    return;
  }
  if (fixed != nullptr) {
    read_static(*fixed, reader.path_of("static"));
    for (const char* member : {"attestations", "source", "ctlog", "rfc3161timestamp"}) {
      if (reader.member(member) != nullptr) reader.report(member, "has no place beside 'static'");
    }
    return;
  }
  out_.kind = Kind::kSigners;
  if (key != nullptr) read_key(*key, reader.path_of("key"));
  if (keyless != nullptr) read_keyless(*keyless, reader.path_of("keyless"));
  read_signing(reader, keyless != nullptr);
}

void AuthorityImport::read_signing(ObjectReader& reader, bool is_keyless) {
  if (const Node* log = reader.object("ctlog")) {
    read_log(*log, reader.path_of("ctlog"), is_keyless);
  }
  if (reader.object("rfc3161timestamp") != nullptr) {
    reader.report("rfc3161timestamp", "no TrustPolicy can insist on a timestamp",
                  "remove it from FILE where a signature without one may count");
  }
  if (const Node* list = reader.array("source")) read_source(*list, reader.path_of("source"));
  std::string format;
  if (!reader.string("signatureFormat", format)) return;
  if (format != "legacy" && format != "bundle") {
    reader.report("signatureFormat", "neither 'legacy' nor 'bundle'");
  } else if (format == "bundle" && !is_keyless) {
    reader.report("signatureFormat", "policy-controller accepts no bundle signed by a key",
                  "remove it from FILE where a key's bundles may count");
  } else {
    remarks_.note(reader.path_of("signatureFormat"),
                  "signatures in the other layout, by the same signers, count as well");
  }
}

void AuthorityImport::read_key(const Node& node, const std::string& path) {
  ObjectReader reader(node, path, {"secretRef", "data", "kms", "hashAlgorithm"}, problems_);
  std::string data, kms, hash = "sha256";
  reader.string("data", data, Presence::kOptional, kKeyLimits);
  reader.string("kms", kms);
  reader.string("hashAlgorithm", hash);
  const Node* secret = reader.object("secretRef");
  if (int(!data.empty()) + int(!kms.empty()) + int(secret != nullptr) != 1) {
    problems_.add(node.position, path, "exactly one of 'data', 'kms' and 'secretRef' is needed");
  } else if (!kms.empty()) {
    reader.report("kms", "the key is elsewhere, and nothing is asked over the network",
                  "put what `cosign public-key --key URI` prints in its place, as 'data'");
  } else if (secret != nullptr) {
    read_secret(*secret, reader.path_of("secretRef"));
  } else {
    read_inline_key(reader, data, hash);
  }
}

void AuthorityImport::read_inline_key(ObjectReader& reader, const std::string& data,
                                      const std::string& hash) {
  const auto key = PublicKey::parse(data);
  if (!key) return reader.report("data", key.error().message, key.error().advice);
  const bool fits = hash == "sha256" || (hash == "sha384" && key->kind() == PublicKey::Kind::kEcdsaP384) ||
                    (hash == "sha512" && key->kind() == PublicKey::Kind::kEcdsaP521);
  if (!fits) {
    reader.report("hashAlgorithm", fmt::format("not '{}' with such a key", escape(hash, kMaxShownBytes)),
                  "sign with SHA-256, or for P-384 and P-521 with their own");
  }
  out_.signers.push_back({{"key", {{"inline", data}}}});
}

/// There it is of policy-controller's namespace, and has one entry of any name.
void AuthorityImport::read_secret(const Node& node, const std::string& path) {
  ObjectReader reader(node, path, {"name"}, problems_);
  std::string name;
  if (!reader.string("name", name, Presence::kRequired)) return;
  if (!is_dns_subdomain(name)) reader.report("name", "no name of an object");
  remarks_.note(path, "the Secret has to be in Kintsugi's namespace, with the key as its entry cosign.pub",
                "name it in the chart's trust.secrets; until then the policy refuses what it selects");
  out_.signers.push_back({{"key", {{"secretRef", {{"name", name}}}}}});
}

void AuthorityImport::read_keyless(const Node& node, const std::string& path) {
  ObjectReader reader(node, path, {"url", "identities", "ca-cert", "trustRootRef", "insecureIgnoreSCT"},
                      problems_);
  std::string url;
  bool ignores_sct = false;
  reader.string("url", url);
  reader.string("trustRootRef", root_);
  reader.boolean("insecureIgnoreSCT", ignores_sct);
  if (reader.object("ca-cert") != nullptr) {
    reader.report("ca-cert", "policy-controller accepts nothing by it",
                  "write an authority of kind 'certificate' by hand");
  }
  if (ignores_sct) {
    remarks_.lost(reader.path_of("insecureIgnoreSCT"),
                  "certificates without a certificate log's timestamp (SCT) are refused here");
  }
  if (!root_.empty() && !is_dns_subdomain(root_)) reader.report("trustRootRef", "no name of an object");
  if (const Node* list = reader.array("identities", Presence::kRequired))
    read_identities(*list, reader.path_of("identities"));
  if (!problems_.empty()) return;
  if (root_.empty()) return remarks_.note(path, kDefaultRoots);
  remarks_.note(reader.path_of("trustRootRef"),
                fmt::format("written as ConfigMap {}, entry trusted_root.json", root_),
                "create it in Kintsugi's namespace; until then the policy refuses what it selects");
  for (json& signer : out_.signers)
    signer["keyless"]["trustedRoots"] = json::array({{{"configMapRef", {{"name", root_}}}}});
}

void AuthorityImport::read_identities(const Node& list, const std::string& path) {
  if (list.items.empty()) problems_.add(list.position, path, "nobody is named");
  for (std::size_t i = 0; i < list.items.size(); ++i) {
    ObjectReader reader(list.items[i], join_path(path, i),
                        {"issuer", "subject", "issuerRegExp", "subjectRegExp"}, problems_);
    json identity = json::object();
    read_text(reader, "issuer", identity);
    read_text(reader, "subject", identity);
    out_.signers.push_back({{"keyless", std::move(identity)}});
  }
}

/// `name` or `nameRegExp`; an empty text counts as none, as there.
void AuthorityImport::read_text(ObjectReader& reader, const std::string& name, json& identity) {
  const std::string pattern_name = name + "RegExp";
  std::string exact, pattern;
  reader.string(name, exact);
  reader.string(pattern_name, pattern);
  if (exact.empty() == pattern.empty()) {
    reader.report(name, fmt::format("exactly one of '{}' and '{}' is needed", name, pattern_name));
  } else if (!exact.empty()) {
    identity[name] = std::move(exact);
  } else if (auto translated = translate_pattern(pattern)) {
    identity[name + "Pattern"] = std::move(*translated);
  } else {
    reader.report(pattern_name, translated.error().message, translated.error().advice);
  }
}

void AuthorityImport::read_static(const Node& node, const std::string& path) {
  ObjectReader reader(node, path, {"action", "message"}, problems_);
  std::string message;
  reader.word("action", out_.kind, {{"pass", Kind::kAnybody}, {"fail", Kind::kNobody}}, Presence::kRequired);
  if (reader.string("message", message))
    remarks_.note(reader.path_of("message"), "a refusal has Kintsugi's own words");
}

void AuthorityImport::read_log(const Node& node, const std::string& path, bool is_keyless) {
  ObjectReader reader(node, path, {"url", "trustRootRef"}, problems_);
  std::string url, root;
  reader.string("url", url);
  reader.string("trustRootRef", root);
  if (url.empty() && root.empty()) return;
  if (!is_keyless) {
    problems_.add(node.position, path, "no TrustPolicy can insist on a log entry for a key's signature",
                  "remove it from FILE where a signature by the key alone may count");
  } else if (root != root_) {
    problems_.add(node.position, path, "one trusted root has to vouch for certificates and log here",
                  "put both into one trusted_root.json and write the TrustPolicy by hand");
  }
}

void AuthorityImport::read_source(const Node& list, const std::string& path) {
  for (std::size_t i = 0; i < list.items.size(); ++i) {
    ObjectReader reader(list.items[i], join_path(path, i), {"oci", "signaturePullSecrets", "tagPrefix"},
                        problems_);
    for (const char* elsewhere : {"oci", "tagPrefix"}) {
      std::string text;
      if (!reader.string(elsewhere, text) || text.empty()) continue;
      reader.report(elsewhere, "a TrustPolicy looks in one place for the signatures of all its authorities",
                    "remove it from FILE, and set signatureRepository where all of them lie there");
    }
    if (reader.array("signaturePullSecrets") != nullptr) {
      remarks_.note(reader.path_of("signaturePullSecrets"),
                    "credentials of registries are in Kintsugi's configuration");
    }
  }
}

/// "ci", or where it has become several "ci-1", "ci-2".
void AuthorityImport::name_signers() {
  for (std::size_t i = 0; i < out_.signers.size(); ++i) {
    std::string name = out_.signers.size() == 1 ? name_ : fmt::format("{}-{}", name_, i + 1);
    if (name.size() <= kMaxNameBytes) {
      out_.signers[i]["name"] = std::move(name);
    } else if (i == 0) {
      remarks_.note(join_path(out_.path, "name"), "a name over 63 bytes is left away");
    }
  }
}

}  // namespace

ImportedAuthority import_authority(const Node& node, std::size_t index, RemarkList& remarks) {
  return AuthorityImport(node, index, remarks).run();
}

}  // namespace kintsugi::trust
