// SPDX-License-Identifier: Apache-2.0
#include "cli/trust_policies.h"

#include <utility>

#include "base/document.h"
#include "base/escape.h"
#include "base/file.h"

namespace kintsugi::cli {
namespace {

constexpr std::size_t kMaxPolicyFile = 4u << 20;

/// A policy for every image by whom the flags name.
trust::TrustPolicySpec policy_of_flags(const TrustInvocation& invocation) {
  trust::TrustPolicySpec spec;
  spec.name = "command-line";
  spec.images = {trust::ImageGlob::parse("**").value()};
  trust::AuthoritySpec authority;
  authority.name = "command-line";
  if (invocation.identity) {
    authority.kind = trust::AuthoritySpec::Kind::kKeyless;
    authority.identity = *invocation.identity;
  } else {
    authority.key = {trust::TextReference::Source::kFile, invocation.key_file, {}};
  }
  spec.authorities = {std::move(authority)};
  return spec;
}

}  // namespace

Result<std::vector<trust::TrustPolicy>> read_policies(const TrustInvocation& invocation,
                                                      const trust::RootSet& roots) {
  const trust::ObjectTextReader no_cluster = [](const trust::TextReference& reference) {
    const bool is_secret = reference.source == trust::TextReference::Source::kSecret;
    const std::string object = (is_secret ? "Secret " : "ConfigMap ") + escape(reference.text, 253);
    return Result<std::string>(fail(make_error(ErrorCode::kUnsupported, "no cluster is asked for " + object)
                                        .advise("give the key inline or as a file")));
  };
  std::vector<trust::TrustPolicy> policies;
  if (invocation.policy_file.empty()) {
    policies.push_back(resolve_references(policy_of_flags(invocation), no_cluster, roots));
    return policies;
  }
  const auto text = read_file(invocation.policy_file, kMaxPolicyFile);
  if (!text) return fail(text.error());
  const auto documents = parse_yaml_documents(*text);
  if (!documents) return fail(Error(documents.error()).on(invocation.policy_file));
  for (const Node& document : *documents) {
    ProblemList problems(invocation.policy_file);
    auto spec = trust::parse_trust_policy(document, problems);
    if (!problems.empty()) return fail(problems.to_error());
    policies.push_back(resolve_references(std::move(spec), no_cluster, roots));
  }
  if (policies.empty()) return fail(ErrorCode::kInvalidInput, "no TrustPolicy in " + invocation.policy_file);
  return policies;
}

}  // namespace kintsugi::cli
