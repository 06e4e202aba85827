// SPDX-License-Identifier: Apache-2.0
#include "cli/trust.h"

#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>

#include "base/escape.h"
#include "base/file.h"
#include "base/time.h"
#include "cli/document_text.h"
#include "cli/fetch_disk_image.h"
#include "cli/trust_import.h"
#include "cli/trust_text.h"
#include "cli/verify_blob.h"
#include "trust/policy/verifier.h"
#include "trust/registry/credential_helpers.h"
#include "trust/registry/registry_access.h"

namespace kintsugi::cli {
namespace {

using nlohmann::json;

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

/// What the policy file or the flags say.
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

struct VerifiedDiskImage {
  trust::Verdict verdict;
  std::optional<FetchedDiskImage> disk;
};

/// Asks the registry; kept together because the parts refer to each other.
class ImageQuestion {
 public:
  ImageQuestion(const TrustInvocation& invocation, const Surroundings& surroundings)
      : invocation_(invocation),
        surroundings_(surroundings),
        log_(surroundings.clock, LogLevel::kError, [](std::string_view) {}) {}

  Result<trust::Explanation> ask() {
    return with_registry([&](trust::Verifier& verifier, trust::RegistryClient&, const auto& policies,
                             const trust::Call& call) -> Result<trust::Explanation> {
      if (invocation_.verb == TrustVerb::kExplain)
        return verifier.explain(invocation_.subject, policies, call);
      return trust::Explanation{verifier.verify(invocation_.subject, policies, call), {}};
    });
  }

  /// Without a disk image where the artifact is refused.
  Result<VerifiedDiskImage> fetch() {
    return with_registry([&](trust::Verifier& verifier, trust::RegistryClient& registry, const auto& policies,
                             const trust::Call& call) -> Result<VerifiedDiskImage> {
      VerifiedDiskImage answer{verifier.verify(invocation_.subject, policies, call), std::nullopt};
      if (!answer.verdict.accepted) return answer;
      const auto image = trust::ImageReference::parse(invocation_.subject).value();  // it was verified
      auto fetched = fetch_disk_image(registry, image, *answer.verdict.digest, invocation_.disk_file, call);
      if (!fetched) return fail(std::move(fetched).error());
      answer.disk = std::move(*fetched);
      return answer;
    });
  }

 private:
  template <class Use>
  auto with_registry(const Use& use)
      -> std::invoke_result_t<Use, trust::Verifier&, trust::RegistryClient&,
                              const std::vector<trust::TrustPolicy>&, const trust::Call&> {
    const auto roots = trust::read_trusted_roots(invocation_.trusted_roots);
    if (!roots) return fail(roots.error());
    const auto policies = read_policies(invocation_, *roots);
    if (!policies) return fail(policies.error());
    auto access = trust::reach_registries(
        {invocation_.registry_config, invocation_.registry_hosts, invocation_.allow_http_registry},
        surroundings_.make_transport, log_);
    if (!access) return fail(std::move(access).error());
    // Whoever runs the command may run what their own file of credentials names.
    access->options.helpers = trust::make_credential_helpers(
        trust::helper_surroundings(surroundings_.environment), surroundings_.clock);
    trust::RegistryClient registry(*access->transport, surroundings_.clock, std::move(access->options));
    trust::VerdictCache cache(surroundings_.clock);
    trust::Verifier verifier(registry, cache, surroundings_.clock);
    const trust::Call call{surroundings_.clock.monotonic() + invocation_.timeout, surroundings_.stop};
    return use(verifier, registry, *policies, call);
  }

  const TrustInvocation& invocation_;
  const Surroundings& surroundings_;
  Logger log_;  ///< of files that change while one reads them: nothing that a person here has to know
};

class TrustOutput {
 public:
  TrustOutput(const TrustInvocation& invocation, const Surroundings& surroundings)
      : as_json_(invocation.as_json), surroundings_(surroundings) {}

  /// `document` where JSON is wanted, else `text`; a refusal goes to the error stream as well.
  ExitCode end(bool accepted, const json& document, const std::string& text, const std::string& refusal) {
    surroundings_.out << (as_json_ ? to_json_text(document) : text);
    if (accepted) return ExitCode::kDone;
    surroundings_.err << "kintsugi: " << refusal << "\n";
    return ExitCode::kError;
  }

  ExitCode refuse(const std::string& subject, const Error& error) {
    const std::string why = error.reason.empty() ? "InvalidInput" : error.reason;
    const json document = {{"subject", subject},
                           {"accepted", false},
                           {"reason", why},
                           {"message", error.to_string()},
                           {"retryable", error.retryable}};
    return end(false, document, "", why + ": " + error.to_string());
  }

 private:
  const bool as_json_;
  const Surroundings& surroundings_;
};

ExitCode run_image(const TrustInvocation& invocation, const Surroundings& surroundings) {
  TrustOutput output(invocation, surroundings);
  const auto answer = ImageQuestion(invocation, surroundings).ask();
  if (!answer) return output.refuse(escape(invocation.subject, 1024), answer.error());
  const trust::Verdict& verdict = answer->verdict;
  const bool explains = invocation.verb == TrustVerb::kExplain;
  return output.end(verdict.accepted, explains ? explanation_json(*answer) : to_json(verdict),
                    explains ? explanation_text(*answer) : verdict_text(verdict),
                    verdict.reason + ": " + verdict.message);
}

ExitCode run_blob(const TrustInvocation& invocation, const Surroundings& surroundings) {
  TrustOutput output(invocation, surroundings);
  const auto blob = verify_blob(invocation, surroundings.clock);
  const std::string subject = escape(invocation.subject, 1024);
  if (!blob) return output.refuse(subject, blob.error());
  return output.end(true, blob_json(subject, *blob), blob_text(subject, *blob), "");
}

ExitCode run_disk_image(const TrustInvocation& invocation, const Surroundings& surroundings) {
  TrustOutput output(invocation, surroundings);
  const auto answer = ImageQuestion(invocation, surroundings).fetch();
  if (!answer) return output.refuse(escape(invocation.subject, 1024), answer.error());
  const trust::Verdict& verdict = answer->verdict;
  json document = to_json(verdict);
  std::string text = verdict_text(verdict);
  if (answer->disk) {
    document["disk"] = disk_json(answer->disk->disk);
    document["disk"]["digest"] = answer->disk->layer.text();
    document["disk"]["size"] = answer->disk->size;
    text += "  disk " + disk_text(answer->disk->disk) + ", in " + escape(invocation.disk_file, 1024) + "\n";
  }
  return output.end(verdict.accepted, document, text, verdict.reason + ": " + verdict.message);
}

ExitCode run_requirements(const TrustInvocation& invocation, const Surroundings& surroundings) {
  TrustOutput output(invocation, surroundings);
  const auto image = trust::ImageReference::parse(invocation.subject);
  if (!image) return output.refuse(escape(invocation.subject, 1024), image.error());
  const auto policies = read_policies(invocation, {});
  if (!policies) return output.refuse(image->to_string(), policies.error());
  const json requirements = requirements_json(*image, *policies);
  const bool is_selected = !requirements["policies"].empty();
  return output.end(is_selected, requirements, requirements_text(requirements),
                    "NoMatchingPolicy: no TrustPolicy selects this image");
}

}  // namespace

ExitCode run_trust(const TrustInvocation& invocation, const Surroundings& surroundings) {
  switch (invocation.verb) {
    case TrustVerb::kVerify:
    case TrustVerb::kExplain: return run_image(invocation, surroundings);
    case TrustVerb::kFetchDiskImage: return run_disk_image(invocation, surroundings);
    case TrustVerb::kVerifyBlob: return run_blob(invocation, surroundings);
    case TrustVerb::kSignRequirements: return run_requirements(invocation, surroundings);
    case TrustVerb::kImport: return run_trust_import(invocation, surroundings);
  }
  return ExitCode::kError;
}

}  // namespace kintsugi::cli
