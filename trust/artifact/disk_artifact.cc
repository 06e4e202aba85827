// SPDX-License-Identifier: Apache-2.0
#include "trust/artifact/disk_artifact.h"

#include <utility>

#include "base/file.h"
#include "trust/crypto/reasons.h"
#include "trust/disk/qcow2.h"

namespace kintsugi::trust {
namespace {

tl::unexpected<Error> no_disk_image(const ImageReference& image, std::string message, std::string advice) {
  return fail(make_error(ErrorCode::kUnsupported, std::move(message))
                  .advise(std::move(advice))
                  .on(image.to_string())
                  .because(reason::kDiskFormatUnsupported));
}

}  // namespace

Result<Descriptor> find_disk_layer(RegistryClient& registry, const ImageReference& image,
                                   const Digest& digest, const Call& call) {
  const auto manifest = registry.get_manifest(image, digest, call);
  if (!manifest) return fail(manifest.error());
  auto document = parse_image_document(*manifest);
  if (!document) return fail(std::move(document).error().on(image.to_string()));
  if (document->is_index)
    return no_disk_image(image, "an index of several images", "name one of them by its digest");
  if (document->layers.size() != 1) {
    return no_disk_image(image, "it has " + std::to_string(document->layers.size()) + " layers",
                         "a disk image is an artifact with one layer");
  }
  Descriptor layer = std::move(document->layers.front());
  if (layer.media_type.find("tar") != std::string::npos)
    return no_disk_image(image, "its layer is an archive",
                         "a containerDisk is verified as a container's image");
  return layer;
}

Result<FetchedDiskImage> fetch_disk_image(RegistryClient& registry, const ImageReference& image,
                                          const Digest& digest, const std::string& path, const Call& call) {
  const auto layer = find_disk_layer(registry, image, digest, call);
  if (!layer) return fail(layer.error());
  FetchedDiskImage fetched{layer->digest, std::uint64_t(layer->size), {}};
  const auto written = write_pieces_durably(path, [&](const PieceSink& write) -> Result<void> {
    std::string head;
    const auto keep_and_write = [&](std::string_view piece) {
      head += piece.substr(0, kQcow2HeadBytes - std::min(head.size(), kQcow2HeadBytes));
      return write(piece);
    };
    if (auto read = registry.download_blob(image, *layer, keep_and_write, call); !read) return read;
    auto disk = check_disk_image(head, fetched.size);
    if (!disk) return fail(std::move(disk).error());
    fetched.disk = *disk;
    return {};
  });
  if (!written) return fail(written.error());
  return fetched;
}

}  // namespace kintsugi::trust
