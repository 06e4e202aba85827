// SPDX-License-Identifier: Apache-2.0
#include "cli/trust.h"

#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>

#include "base/escape.h"
#include "base/time.h"
#include "cli/document_text.h"
#include "cli/judge_blob.h"
#include "cli/trust_import.h"
#include "cli/trust_policies.h"
#include "cli/trust_text.h"
#include "cli/verify_blob.h"
#include "trust/artifact/disk_artifact.h"
#include "trust/policy/verifier.h"
#include "trust/registry/credential_helpers.h"
#include "trust/registry/registry_access.h"

namespace kintsugi::cli {
namespace {

using nlohmann::json;

struct VerifiedDiskImage {
  trust::Verdict verdict;
  std::optional<trust::FetchedDiskImage> disk;
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

/// A verdict, and the disk image that was found in what is accepted.
ExitCode end_with_disk(TrustOutput& output, const trust::Verdict& verdict, const json& disk,
                       const std::string& disk_line) {
  json document = to_json(verdict);
  if (!disk.is_null()) document["disk"] = disk;
  return output.end(verdict.accepted, document, verdict_text(verdict) + disk_line,
                    verdict.reason + ": " + verdict.message);
}

ExitCode run_judged_blob(const TrustInvocation& invocation, const Surroundings& surroundings) {
  TrustOutput output(invocation, surroundings);
  const std::string subject = escape(invocation.subject, 1024);
  const auto roots = trust::read_trusted_roots(invocation.trusted_roots);
  if (!roots) return output.refuse(subject, roots.error());
  const auto policies = read_policies(invocation, *roots);
  if (!policies) return output.refuse(subject, policies.error());
  const auto judged = judge_blob(invocation, *policies, surroundings.clock);
  if (!judged) return output.refuse(subject, judged.error());
  if (!judged->disk) return end_with_disk(output, judged->verdict, nullptr, "");
  return end_with_disk(output, judged->verdict, disk_json(*judged->disk),
                       "  disk " + disk_text(*judged->disk) + "\n");
}

ExitCode run_disk_image(const TrustInvocation& invocation, const Surroundings& surroundings) {
  TrustOutput output(invocation, surroundings);
  const auto answer = ImageQuestion(invocation, surroundings).fetch();
  if (!answer) return output.refuse(escape(invocation.subject, 1024), answer.error());
  if (!answer->disk) return end_with_disk(output, answer->verdict, nullptr, "");
  json disk = disk_json(answer->disk->disk);
  disk["digest"] = answer->disk->layer.text();
  disk["size"] = answer->disk->size;
  return end_with_disk(
      output, answer->verdict, disk,
      "  disk " + disk_text(answer->disk->disk) + ", in " + escape(invocation.disk_file, 1024) + "\n");
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
    case TrustVerb::kVerifyBlob:
      return invocation.policy_file.empty() ? run_blob(invocation, surroundings)
                                            : run_judged_blob(invocation, surroundings);
    case TrustVerb::kSignRequirements: return run_requirements(invocation, surroundings);
    case TrustVerb::kImport: return run_trust_import(invocation, surroundings);
  }
  return ExitCode::kError;
}

}  // namespace kintsugi::cli
