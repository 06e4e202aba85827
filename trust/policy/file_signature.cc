// SPDX-License-Identifier: Apache-2.0
#include "trust/policy/file_signature.h"

#include <iterator>
#include <string>
#include <utility>

#include "trust/crypto/reasons.h"
#include "trust/sigstore/bundle_list.h"

namespace kintsugi::trust {
namespace {

struct Suffix {
  const char* text;
  SignatureForm form;
  bool is_searched;
};
constexpr Suffix kSuffixes[] = {{".sigstore.json", SignatureForm::kBundle, true},
                                {".sig", SignatureForm::kDetached, true},
                                {".gpg", SignatureForm::kOpenPgp, true},
                                {".sign", SignatureForm::kOpenPgp, true},
                                {".asc", SignatureForm::kOpenPgp, false}};

Result<std::vector<FileSignature>> parse_bundle_file(std::string_view text) {
  auto bundles = parse_bundles(text);
  if (!bundles) return fail(std::move(bundles).error());
  return std::vector<FileSignature>(std::move_iterator(bundles->begin()), std::move_iterator(bundles->end()));
}

/// A signature that is not known here is no obstacle to another.
Result<std::vector<FileSignature>> parse_openpgp(std::string_view text) {
  auto found = openpgp::parse_signatures(text);
  if (!found) return fail(std::move(found).error());
  std::vector<FileSignature> signatures;
  for (openpgp::FoundSignature& one : *found) {
    if (one) signatures.push_back(std::move(*one));
  }
  if (signatures.empty()) return fail(std::move(found->front()).error());
  return signatures;
}

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

std::vector<std::string> signature_names(const std::string& name, SignedKind kind) {
  std::vector<std::string> names;
  for (const Suffix& suffix : kSuffixes) {
    if (suffix.is_searched && (kind == SignedKind::kList || suffix.form != SignatureForm::kOpenPgp))
      names.push_back(name + suffix.text);
  }
  return names;
}

SignatureForm form_of(std::string_view name) {
  for (const Suffix& suffix : kSuffixes) {
    if (name.ends_with(suffix.text)) return suffix.form;
  }
  return SignatureForm::kBundle;
}

std::size_t max_bytes_of(SignatureForm form) {
  switch (form) {
    case SignatureForm::kBundle: return kMaxBundleBytes;
    case SignatureForm::kDetached: return kMaxDetachedBytes;
    case SignatureForm::kOpenPgp: return openpgp::kMaxSignatureFileBytes;
  }
  return 0;
}

Result<std::vector<FileSignature>> parse_file_signatures(std::string_view text, SignatureForm form) {
  switch (form) {
    case SignatureForm::kBundle: return parse_bundle_file(text);
    case SignatureForm::kDetached: return parse_detached(text);
    case SignatureForm::kOpenPgp: return parse_openpgp(text);
  }
  return fail(ErrorCode::kInternal, "unknown form of a signature");
}

}  // namespace kintsugi::trust
