// SPDX-License-Identifier: Apache-2.0
#include "trust/oci/image_index.h"

#include <fmt/format.h>

#include <array>

#include "base/document.h"
#include "base/escape.h"
#include "trust/crypto/reasons.h"

namespace kintsugi::trust {
namespace {

constexpr std::size_t kMaxManifestBytes = 4u << 20;
constexpr std::size_t kMaxEntries = 1024;
constexpr std::size_t kMaxFetched = 64;
constexpr int kMaxIndexDepth = 2;

tl::unexpected<Error> malformed(std::string what) {
  return fail(make_error(ErrorCode::kInvalidInput, "malformed manifest: " + std::move(what))
                  .because(reason::kManifestMalformed));
}

tl::unexpected<Error> too_many(std::string what) {
  return fail(make_error(ErrorCode::kTooLarge, std::move(what)).because(reason::kTooLarge));
}

/// The string member `key`, or "" where it is absent or null.
Result<std::string> optional_text(const Node& object, std::string_view key) {
  const Node* value = object.find(key);
  if (value == nullptr || value->kind == Node::Kind::kNull) return std::string();
  if (value->kind != Node::Kind::kString) return malformed(fmt::format("{} is no string", key));
  return value->text;
}

Result<void> read_annotations(const Node& object, AnnotationList& out) {
  const Node* annotations = object.find("annotations");
  if (annotations == nullptr || annotations->kind == Node::Kind::kNull) return {};
  if (annotations->kind != Node::Kind::kObject) return malformed("annotations is no object");
  for (const Node::Member& member : annotations->members) {
    if (member.value.kind != Node::Kind::kString) return malformed("an annotation is no string");
    out.emplace_back(member.key, member.value.text);
  }
  return {};
}

Result<void> read_platform(const Node& object, Descriptor& out) {
  const Node* platform = object.find("platform");
  if (platform == nullptr || platform->kind == Node::Kind::kNull) return {};
  if (platform->kind != Node::Kind::kObject) return malformed("platform is no object");
  auto os = optional_text(*platform, "os");
  auto architecture = optional_text(*platform, "architecture");
  if (!os) return fail(std::move(os).error());
  if (!architecture) return fail(std::move(architecture).error());
  out.os = std::move(*os);
  out.architecture = std::move(*architecture);
  return {};
}

Result<Descriptor> read_descriptor(const Node& node) {
  if (node.kind != Node::Kind::kObject) return malformed("a descriptor is no object");
  auto media_type = optional_text(node, "mediaType");
  auto digest_text = optional_text(node, "digest");
  if (!media_type) return fail(std::move(media_type).error());
  if (!digest_text) return fail(std::move(digest_text).error());
  if (media_type->empty()) return malformed("a descriptor without mediaType");
  auto digest = Digest::parse(*digest_text);
  if (!digest) return malformed(digest.error().message);
  const Node* size_node = node.find("size");
  if (size_node == nullptr) return malformed("a descriptor without size");
  const auto size = size_node->as_integer();
  if (!size || *size < 0) return malformed("the size of a descriptor is no natural number");
  Descriptor descriptor{std::move(*media_type), std::move(*digest), *size, {}, {}, {}};
  if (auto done = read_annotations(node, descriptor.annotations); !done) return fail(std::move(done).error());
  if (auto done = read_platform(node, descriptor); !done) return fail(std::move(done).error());
  return descriptor;
}

/// The object `key`, where present.
Result<void> read_one(const Node& root, std::string_view key, std::vector<Descriptor>& out) {
  const Node* node = root.find(key);
  if (node == nullptr || node->kind == Node::Kind::kNull) return {};
  auto descriptor = read_descriptor(*node);
  if (!descriptor) return fail(std::move(descriptor).error());
  out.push_back(std::move(*descriptor));
  return {};
}

Result<void> read_list(const Node& root, std::string_view key, std::vector<Descriptor>& out) {
  const Node* list = root.find(key);
  if (list == nullptr || list->kind != Node::Kind::kArray)
    return malformed(fmt::format("{} is no array", key));
  if (list->items.size() > kMaxEntries)
    return too_many(fmt::format("over {} {} in a manifest", kMaxEntries, key));
  for (const Node& item : list->items) {
    auto descriptor = read_descriptor(item);
    if (!descriptor) return fail(std::move(descriptor).error());
    out.push_back(std::move(*descriptor));
  }
  return {};
}

Result<void> check_media_type(const Node& root, const RawManifest& raw) {
  auto media_type = optional_text(root, "mediaType");
  if (!media_type) return fail(std::move(media_type).error());
  // OCI 1.0 allows a document without mediaType; Docker never did.
  const bool is_oci = raw.media_type == kOciManifestType || raw.media_type == kOciIndexType;
  if (*media_type == raw.media_type || (media_type->empty() && is_oci)) return {};
  return fail(
      make_error(ErrorCode::kInvalidInput, fmt::format("served as \"{}\", but the document says \"{}\"",
                                                       escape(raw.media_type, 100), escape(*media_type, 100)))
          .because(reason::kMediaTypeMismatch));
}

/// Walks an index level by level.
class Equivalents {
 public:
  explicit Equivalents(const ManifestFetcher& fetch) : fetch_(fetch) {}

  Result<void> walk(const RawManifest& root) {
    found_.insert(root.digest);
    std::vector<RawManifest> level = {root};
    for (int index_depth = 0; !level.empty(); ++index_depth) {
      std::vector<Child> children;
      for (const RawManifest& raw : level) {
        if (auto done = add(raw, index_depth, children); !done) return done;
      }
      auto next = fetch_level(children);
      if (!next) return fail(std::move(next).error());
      level = std::move(*next);
    }
    return {};
  }

  std::set<Digest> take() { return std::move(found_); }

 private:
  /// What an index says of a manifest.
  struct Child {
    Digest digest;
    std::int64_t size;
  };

  /// Adds what the document names, and to `children` what is still to be fetched.
  Result<void> add(const RawManifest& raw, int index_depth, std::vector<Child>& children) {
    auto document = parse_image_document(raw);
    if (!document) return fail(std::move(document).error());
    for (const Descriptor& config : document->config) found_.insert(config.digest);
    if (!document->is_index) return {};
    if (index_depth == kMaxIndexDepth) return too_many("indexes nested deeper than two levels");
    for (const Descriptor& child : document->manifests) {
      if (child.is_attestation() || !is_manifest_type(child.media_type)) continue;
      if (found_.insert(child.digest).second) children.push_back({child.digest, child.size});
    }
    return {};
  }

  Result<std::vector<RawManifest>> fetch_level(const std::vector<Child>& children) {
    fetched_ += children.size();
    if (fetched_ > kMaxFetched) return too_many("over 64 platforms in an index");
    std::vector<RawManifest> level;
    if (children.empty()) return level;
    std::vector<Digest> digests;
    for (const Child& child : children) digests.push_back(child.digest);
    auto fetched = fetch_(digests);
    for (std::size_t i = 0; i < fetched.size(); ++i) {
      if (!fetched[i] && fetched[i].error().code == ErrorCode::kNotFound) continue;
      if (!fetched[i]) return fail(std::move(fetched[i]).error());
      if (fetched[i]->bytes.size() != std::size_t(children[i].size)) {
        return malformed(fmt::format("{} has {} bytes, and {} in the index", children[i].digest.text(),
                                     fetched[i]->bytes.size(), children[i].size));
      }
      level.push_back(std::move(*fetched[i]));
    }
    return level;
  }

  const ManifestFetcher& fetch_;
  std::set<Digest> found_;
  std::size_t fetched_ = 0;
};

}  // namespace

const std::string* find_annotation(const AnnotationList& annotations, std::string_view name) {
  for (const auto& [key, value] : annotations) {
    if (key == name) return &value;
  }
  return nullptr;
}

bool is_manifest_type(std::string_view media_type) {
  return media_type == kOciManifestType || media_type == kOciIndexType || media_type == kDockerManifestType ||
         media_type == kDockerListType;
}

Result<ImageDocument> parse_image_document(const RawManifest& raw) {
  auto root =
      parse_json_document(raw.bytes, {.max_bytes = kMaxManifestBytes, .max_depth = 16, .max_nodes = 50'000});
  if (!root) {
    const bool too_large = root.error().code == ErrorCode::kTooLarge;
    return fail(std::move(root).error().because(too_large ? reason::kTooLarge : reason::kManifestMalformed));
  }
  if (root->kind != Node::Kind::kObject) return malformed("no object");
  const Node* version = root->find("schemaVersion");
  if (version == nullptr || version->as_integer() != 2) return malformed("schemaVersion is not 2");
  if (auto done = check_media_type(*root, raw); !done) return fail(std::move(done).error());

  ImageDocument document;
  document.is_index = raw.media_type == kOciIndexType || raw.media_type == kDockerListType;
  for (const char* foreign :
       {document.is_index ? "layers" : "manifests", document.is_index ? "config" : "fsLayers"}) {
    if (root->find(foreign) != nullptr) return malformed(fmt::format("{} has no place here", foreign));
  }
  auto artifact_type = optional_text(*root, "artifactType");
  if (!artifact_type) return fail(std::move(artifact_type).error());
  document.artifact_type = std::move(*artifact_type);
  auto done = read_annotations(*root, document.annotations);
  if (done) done = read_one(*root, "subject", document.subject);
  if (done && document.is_index) {
    done = read_list(*root, "manifests", document.manifests);
  } else if (done) {
    done = read_one(*root, "config", document.config);
    if (done) done = read_list(*root, "layers", document.layers);
    if (done && document.config.empty()) return malformed("a manifest without config");
  }
  if (!done) return fail(std::move(done).error());
  return document;
}

Result<std::set<Digest>> equivalent_digests(const RawManifest& root, const ManifestFetcher& fetch) {
  Equivalents equivalents(fetch);
  if (auto done = equivalents.walk(root); !done) return fail(std::move(done).error());
  return equivalents.take();
}

}  // namespace kintsugi::trust
