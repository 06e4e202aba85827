// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kintsugi::trust {

/// An image glob of policy-controller as ImageGlobs.
struct GlobTranslation {
  enum class Outcome : std::uint8_t {
    kExact,           ///< `globs` select what it selects: the same images, no more and no fewer
    kSelectsNothing,  ///< it never matches anything that policy-controller compares it with
    kInexpressible,   ///< it selects something that no ImageGlobs select exactly
    kInvalid,         ///< policy-controller refuses it, too
  };
  Outcome outcome = Outcome::kInvalid;
  std::vector<std::string> globs;  ///< kExact: each is accepted by ImageGlob::parse()
  std::string why;                 ///< otherwise; safe to show
  std::string advice;              ///< may be empty
};

/// policy-controller compares a glob with "registry/repository@sha256:…", where Docker Hub is
/// "index.docker.io": "**" stands for any characters there, "*" for any but "/". So a glob with a tag, or one
/// that ends with the repository's name, selects nothing, and "app*b*" selects by what happens to be in the
/// digest. "*" and "*/*" alone are Docker Hub. Images of "localhost" without a port, which policy-controller
/// takes for ones of Docker Hub, are read as container runtimes read them.
GlobTranslation translate_glob(std::string_view glob);

/// Whether there may be an image that both of these globs select, each as ImageGlob takes it; true in doubt.
bool may_overlap(std::string_view one, std::string_view other);

}  // namespace kintsugi::trust
