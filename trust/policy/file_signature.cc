// SPDX-License-Identifier: Apache-2.0
#include "trust/policy/file_signature.h"

#include <iterator>
#include <string>
#include <utility>

#include "trust/crypto/reasons.h"
#include "trust/sigstore/bundle_list.h"

namespace kintsugi::trust {
namespace {

Result<std::vector<FileSignature>> parse_detached(std::string_view text) {
  if (text.size() > kMaxDetachedBytes) {
    return fail(
        make_error(ErrorCode::kTooLarge, "a detached signature over 4 KiB").because(reason::kTooLarge));
  }
  if (text.empty()) {
    return fail(make_error(ErrorCode::kInvalidInput, "an empty file and no signature")
                    .because(reason::kSignatureInvalid));
  }
  return std::vector<FileSignature>{DetachedSignature{std::string(text)}};
}

}  // namespace

const char* suffix_of(SignatureForm form) {
  return form == SignatureForm::kDetached ? ".sig" : ".sigstore.json";
}

SignatureForm form_of(std::string_view name) {
  return name.ends_with(suffix_of(SignatureForm::kDetached)) ? SignatureForm::kDetached
                                                             : SignatureForm::kBundle;
}

std::size_t max_bytes_of(SignatureForm form) {
  return form == SignatureForm::kDetached ? kMaxDetachedBytes : kMaxBundleBytes;
}

Result<std::vector<FileSignature>> parse_file_signatures(std::string_view text, SignatureForm form) {
  if (form == SignatureForm::kDetached) return parse_detached(text);
  auto bundles = parse_bundles(text);
  if (!bundles) return fail(std::move(bundles).error());
  return std::vector<FileSignature>(std::move_iterator(bundles->begin()), std::move_iterator(bundles->end()));
}

}  // namespace kintsugi::trust
