// SPDX-License-Identifier: Apache-2.0
#include "trust/policy/signed_reference.h"

#include <fmt/format.h>

#include "base/escape.h"
#include "trust/crypto/refusal.h"

namespace kintsugi::trust {
namespace {

constexpr std::size_t kMaxShownBytes = 512;

bool is_prefix(std::string_view prefix, std::string_view name) {
  return name.starts_with(prefix) && (name.size() == prefix.size() || name[prefix.size()] == '/');
}

}  // namespace

std::string signed_repository(const SignedReferenceRule& rule, const ImageReference& image) {
  const std::string name = image.name();
  const SignedReferenceRule::Remap* longest = nullptr;
  for (const SignedReferenceRule::Remap& one : rule.remap) {
    if (is_prefix(one.prefix, name) && (longest == nullptr || one.prefix.size() > longest->prefix.size()))
      longest = &one;
  }
  return longest == nullptr ? name : longest->signed_prefix + name.substr(longest->prefix.size());
}

Result<void> check_signed_reference(const SignedReferenceRule& rule, const ImageReference& image,
                                    std::string_view signed_reference) {
  if (signed_reference.empty())
    return refuse(reason::kReferenceMismatch, "the signature does not say the name of the image");
  const auto reference = ImageReference::parse(signed_reference);
  const std::string expected = signed_repository(rule, image);
  if (reference && reference->name() == expected) return {};
  return refuse(reason::kReferenceMismatch, fmt::format("signed as {}, and not as {}",
                                                        escape(signed_reference, kMaxShownBytes), expected));
}

}  // namespace kintsugi::trust
