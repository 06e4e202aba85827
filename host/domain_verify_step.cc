// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "controller/probation.h"
#include "host/domain_rebuild_record.h"
#include "host/domain_steps.h"
#include "host/rebuild_completion.h"
#include "host/rebuild_jobs.h"
#include "targets/libvirt/domain_rebuild.h"

namespace kintsugi::host {
namespace {

using controller::step_waits;
using targets::DomainObservation;
using targets::ProbeTerms;

Finding not_back(const char* reason, std::string message) {
  return {ConditionStatus::kFalse, reason, std::move(message)};
}

bool has_probe(const std::vector<ProbeTerms>& probes, bool of_agent) {
  return std::any_of(probes.begin(), probes.end(), [&](const ProbeTerms& probe) {
    return (probe.kind == ProbeTerms::Kind::kAgent) == of_agent;
  });
}

bool has_agent(const targets::Domain& live) {
  return std::any_of(live.passages.begin(), live.passages.end(), [](const targets::DomainPassage& passage) {
    return passage.is_agent() && passage.is_connected;
  });
}

/// Whether the machine serves; nothing: not known yet.
std::optional<Finding> assess_service(const DomainWorld& domains, IncidentWork& work,
                                      const targets::Domain& live) {
  const auto& probes = live.terms.probes;
  if (has_probe(probes, /*of_agent=*/true) && !has_agent(live))
    return not_back("AgentSilent", "the guest agent has not opened its channel");
  if (has_probe(probes, /*of_agent=*/false)) {
    const auto served = ask_service(domains, work, probes);
    if (!served) return std::nullopt;
    if (!*served) return not_back("ProbeFailed", served->error().to_string());
  }
  if (!probes.empty()) return Finding{ConditionStatus::kTrue, "Serves", "it answers what it was asked"};
  return Finding{ConditionStatus::kTrue, "RunsUnprobed", "no <probe> says how to tell whether it serves"};
}

/// Nothing: a person has agreed to go on. No time mends what the machine has read already.
std::optional<Finding> ask_about_image(IncidentWork& work, const std::string& change) {
  const std::string why = fmt::format(
      "{}: who could change that may have changed what runs. Find out who did. Put the accepted file back; "
      "or "
      "'kintsugi release {} --victim leave' and open another incident about the machine, which isolates it "
      "and "
      "rebuilds it from a copy that is verified anew; or approve, if you know why and trust what it runs "
      "from",
      change, work.incident().name);
  const Approval* decision = work.ask("verify", kImageQuestion, why);
  if (decision == nullptr) return not_back("ImageChanged", why);
  work.settle("verify", {});
  if (decision->approved) return std::nullopt;
  return not_back("ImageChanged", decision->by + " denied to go on with a changed image: " + change);
}

/// Whether the image that the machine runs from is the one that was verified, or a person goes on without
/// that; nothing: not known yet.
std::optional<Finding> assess_image(const DomainWorld& domains, IncidentWork& work,
                                    const targets::RebuildMark& mark) {
  const auto& images = work.status().images;
  if (images.empty() || images.front().digest != mark.digest)
    return not_back("ImageUnknown", "the machine runs from another image than the one that was accepted");
  const auto rehashed = rehash_image(domains, work, {images.front(), mark.golden, mark.golden_format, 0},
                                     starts_of(work.incident()).image);
  if (!rehashed) return std::nullopt;
  if (!*rehashed) {
    const std::string change = rehashed->error().to_string();
    if (auto waits = ask_about_image(work, change)) return waits;
    return Finding{ConditionStatus::kTrue, "ImageAccepted", "a person goes on although " + change};
  }
  work.settle("verify", {kImageQuestion});
  return Finding{ConditionStatus::kTrue, "ImageVerified", ""};
}

/// Whether the service is back; nothing: not known yet.
std::optional<Finding> assess_recovery(const DomainWorld& domains, IncidentWork& work,
                                       const DomainObservation& domain) {
  Finding running = targets::assess_rebuilt(domain, work.incident().name);
  if (!running.holds()) return running;
  const auto image = assess_image(domains, work, *domain.live->rebuilt);
  if (!image || !image->holds()) return image;
  auto service = assess_service(domains, work, *domain.live);
  if (!service) return std::nullopt;
  service->message = fmt::format("{}; {}", running.message, service->message);
  if (!image->message.empty()) service->message += "; " + image->message;
  return service;
}

}  // namespace

StepResult DomainSteps::verify(IncidentWork& work) const {
  if (work.playbook()->step<RedeployStep>() == nullptr) return controller::conclude_containment(work);
  const auto observed = domains_.target.observe(work.target().uid);
  if (!observed) return fail(observed.error());
  const auto finding = *observed
                           ? assess_recovery(domains_, work, **observed)
                           : std::optional(not_back("VictimGone", "the domain is not on this host any more"));
  if (!finding) return step_waits(work.world().settings.recheck);
  return controller::conclude_recovery(work, *finding);
}

}  // namespace kintsugi::host
