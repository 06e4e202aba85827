// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "base/escape.h"
#include "controller/probation.h"
#include "host/domain_steps.h"
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

constexpr const char* kImageChanged = "ImageChanged";

/// The machine's file is not what a policy has accepted any more: no time mends that.
std::string what_to_do_about_image(IncidentWork& work, const std::string& golden, const Error& error) {
  return fmt::format(
      "{}: who could change {} may have changed what runs. Find out who did, and put the accepted file back; "
      "or 'kintsugi release {} --victim leave', end the machine, and open another incident",
      error.to_string(), escape(golden), work.incident().name);
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

/// Whether the service is back; nothing: not known yet.
std::optional<Finding> assess_recovery(const DomainWorld& domains, IncidentWork& work,
                                       const DomainObservation& domain) {
  Finding running = targets::assess_rebuilt(domain, work.incident().name);
  if (!running.holds()) return running;
  const targets::RebuildMark& mark = *domain.live->rebuilt;
  const auto& images = work.status().images;
  if (images.empty() || images.front().digest != mark.digest)
    return not_back("ImageUnknown", "the machine runs from another image than the one that was accepted");
  const auto rehashed = rehash_image(domains, work, {images.front(), mark.golden, mark.golden_format, 0});
  if (!rehashed) return std::nullopt;
  if (!*rehashed)
    return not_back(kImageChanged, what_to_do_about_image(work, mark.golden, rehashed->error()));
  auto service = assess_service(domains, work, *domain.live);
  if (service) service->message = fmt::format("{}; {}", running.message, service->message);
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
  if (finding->reason == kImageChanged) {
    work.await("redeploy", finding->message);
  } else {
    work.settle("redeploy", {});
  }
  return controller::conclude_recovery(work, *finding);
}

}  // namespace kintsugi::host
