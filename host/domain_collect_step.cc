// SPDX-License-Identifier: Apache-2.0
#include "base/time.h"
#include "host/domain_steps.h"

namespace kintsugi::host {
namespace {

using controller::step_done;

constexpr char kCollector[] = "definition";

/// The definition of the running domain, or of what it starts from; never with its passwords.
Result<std::string> definition_to_keep(targets::Hypervisor& hypervisor, const std::string& uuid) {
  auto live = hypervisor.live_definition(uuid);
  if (live || live.error().code != ErrorCode::kConflict) return live;
  return hypervisor.plain_definition(uuid);
}

}  // namespace

StepResult DomainSteps::collect(IncidentWork& work) const {
  if (work.playbook()->step<CollectStep>() == nullptr ||
      find_condition(work.status(), condition::kEvidencePreserved) != nullptr)
    return step_done();
  if (domains_.evidence == nullptr) {
    work.conclude(condition::kEvidencePreserved,
                  {ConditionStatus::kFalse, "CollectionFailed", "there is no --evidence-dir"});
    return step_done();
  }
  evidence::Manifest manifest;
  manifest.incident = work.incident().name;
  manifest.target = work.target().to_string();
  manifest.created = work.now();
  const auto definition = definition_to_keep(domains_.hypervisor, work.target().uid);
  if (!definition && definition.error().retryable) return fail(definition.error());
  if (definition) {
    auto kept = domains_.evidence->put(manifest.incident, "domain.xml", *definition, kCollector);
    if (!kept) return fail(std::move(kept).error());
    manifest.files.push_back(*std::move(kept));
  } else {
    manifest.failures.push_back({kCollector, definition.error().to_string()});
  }
  const auto finished = domains_.evidence->finish(manifest);
  if (!finished) return fail(finished.error());
  work.status().evidence_location = domains_.evidence->location(manifest.incident);
  work.status().evidence_manifest_sha256 = *finished;
  if (!domains_.evidence->is_durable()) {
    work.conclude(condition::kEvidencePreserved,
                  {ConditionStatus::kFalse, "StoreNotDurable", "the evidence directory does not last"});
    return step_done();
  }
  work.status().times.evidence_preserved = work.now();
  work.conclude(condition::kEvidencePreserved,
                {ConditionStatus::kTrue, "Partial",
                 "evidence is in " + work.status().evidence_location +
                     ": the definition alone; memory and disks are left as they are"});
  return step_done();
}

}  // namespace kintsugi::host
