// SPDX-License-Identifier: Apache-2.0
#include "trust/sigstore/bundle_list.h"

#include <algorithm>
#include <string>
#include <utility>

#include "trust/crypto/reasons.h"

namespace kintsugi::trust {
namespace {

/// The lines of a text, without the end of the last one.
std::vector<std::string_view> lines_of(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  std::vector<std::string_view> lines;
  for (;;) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == text.npos || lines.size() > kMaxBundles) return lines;
    text.remove_prefix(end + 1);
  }
}

/// A document that is written over several lines has none that is an object by itself.
bool are_documents(const std::vector<std::string_view>& lines) {
  return lines.size() > 1 && std::all_of(lines.begin(), lines.end(), [](std::string_view line) {
           return line.starts_with('{') && line.ends_with('}');
         });
}

}  // namespace

Result<std::vector<Bundle>> parse_bundles(std::string_view text) {
  std::vector<std::string_view> documents = lines_of(text);
  if (!are_documents(documents)) documents = {text};
  if (documents.size() > kMaxBundles) {
    return fail(make_error(ErrorCode::kTooLarge, "more than " + std::to_string(kMaxBundles) + " bundles")
                    .because(reason::kBundleMalformed));
  }
  std::vector<Bundle> bundles;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    auto bundle = parse_bundle(documents[i]);
    if (!bundle && documents.size() > 1)
      bundle.error().message = "line " + std::to_string(i + 1) + ": " + bundle.error().message;
    if (!bundle) return fail(std::move(bundle).error());
    bundles.push_back(std::move(*bundle));
  }
  return bundles;
}

}  // namespace kintsugi::trust
