// SPDX-License-Identifier: Apache-2.0
//
// Image references and globs: what is accepted is stable under normalisation, and a reference without "*" in
// its name selects itself when used as a glob.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "trust/oci/image_reference.h"

using namespace kintsugi::trust;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto digest = digest_of_image_id(text);
  if (digest && text.find(digest->text()) == std::string_view::npos) std::abort();
  const auto image = ImageReference::parse(text);
  if (image) {
    if (ImageReference::parse(image->to_string()) != image) std::abort();
    const auto glob = ImageGlob::parse(image->name());
    if (!glob || !glob->matches(*image)) std::abort();
  }
  static const ImageReference kImage =
      ImageReference::parse("registry.example.com/shop/web/aaaaaaaaaaaa").value();
  if (const auto glob = ImageGlob::parse(text)) (void)glob->matches(kImage);
  return 0;
}
