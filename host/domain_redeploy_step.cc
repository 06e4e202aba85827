// SPDX-License-Identifier: Apache-2.0
//
// A machine's rebuild in place. How far it has come is read from the world each time:
//
//   what it starts from is in quarantine        nothing has changed: image, questions, layer; then the switch
//   what it starts from is the rebuilt one,
//     and the breached process runs             the switch has begun: the process is ended
//     and nothing runs                          the rebuilt machine is started, unless it was before
//     and the rebuilt machine runs              done
#include <fmt/format.h>

#include <algorithm>

#include "base/escape.h"
#include "controller/redeployment_questions.h"
#include "host/domain_rebuild_record.h"
#include "host/domain_steps.h"
#include "host/machine_files.h"
#include "host/rebuild_completion.h"
#include "host/rebuild_jobs.h"
#include "host/service_probe.h"
#include "targets/libvirt/domain_quarantine.h"
#include "targets/libvirt/domain_rebuild.h"
#include "trust/crypto/digest.h"

namespace kintsugi::host {
namespace {

using controller::step_done;
using controller::step_waits;
using controller::StepOutcome;
using targets::DataDiskFate;
using targets::DataDiskRule;
using targets::DomainObservation;
using targets::DomainTerms;

/// The persistent definition from before the breach, and what its administrator says in it.
struct Original {
  std::string xml;  ///< with its passwords
  bool autostart = false;
  targets::Domain domain;

  const DomainTerms& terms() const { return domain.terms; }
};

/// A UUID that is the same for the same machine and incident, and no other's (RFC 9562, version 8).
std::string generation_of(const std::string& uuid, const std::string& incident) {
  std::string hash(trust::Digest::of(uuid + " " + incident).hex().substr(0, 32));
  hash[12] = '8';
  hash[16] = 'a';
  for (const std::size_t at : {20u, 16u, 12u, 8u}) hash.insert(at, "-");
  return hash;
}

/// One reconcile of the step.
class Rebuild {
 public:
  Rebuild(const DomainWorld& domains, IncidentWork& work, const DomainObservation& domain)
      : domains_(domains), work_(work), domain_(domain) {}

  StepResult run();

 private:
  StepResult begin();
  StepResult switch_over(const targets::RebuiltDefinition& planned);

  std::optional<StepOutcome> refuse_before_begin();
  Result<Original> read_original() const;
  std::optional<Finding> problem_of(const Original& original) const;
  Result<targets::RebuiltDefinition> plan(const Original& original, const GoldenImage& image,
                                          const MachinePaths& paths) const;
  /// Nothing: a person has decided, or there is nothing to decide.
  std::optional<StepOutcome> ask_about_data_disks(const DomainTerms& terms);
  void accept(const GoldenImage& image);

  StepOutcome blocked(std::string reason, std::string message, bool needs_person) {
    return rebuild_waits(work_, std::move(reason), std::move(message), needs_person);
  }
  StepOutcome failed(const char* reason, const Error& error) { return rebuild_failed(work_, reason, error); }
  const std::string& uuid() const { return work_.target().uid; }
  const std::string& incident() const { return work_.incident().name; }

  const DomainWorld& domains_;
  IncidentWork& work_;
  const DomainObservation& domain_;
};

StepResult Rebuild::run() {
  const bool begun = is_rebuilt_by(domain_.persistent, incident());
  if (work_.status().times.redeployed) return step_done();  // what runs now is the verification's to judge
  if (work_.mode() < Mode::kFull) {
    return blocked("ModeForbids", fmt::format("mode {} does not permit a rebuild", to_string(work_.mode())),
                   /*needs_person=*/false);
  }
  return begun ? complete_rebuild(domains_, work_, domain_) : begin();
}

/// Nothing: it may begin.
std::optional<StepOutcome> Rebuild::refuse_before_begin() {
  if (!domain_.persistent) {
    return blocked(
        "NotPersistent",
        "the domain is transient: there is no definition from before the breach. Make a new one, then "
        "release this incident with --victim leave",
        /*needs_person=*/true);
  }
  // A machine that has ended has no memory to lose.
  return controller::ask_before_evidence_is_lost(
      work_, domain_.live.has_value(), "the rebuild ends the machine with all that is in its memory");
}

Result<Original> Rebuild::read_original() const {
  const auto persistent = domains_.hypervisor.persistent_definition(uuid());
  if (!persistent) return fail(persistent.error());
  auto restored = targets::restored_definition(*persistent, incident());
  if (!restored) return fail(std::move(restored).error());
  auto domain = targets::parse_domain(restored->xml);
  if (!domain) return fail(std::move(domain).error());
  return Original{std::move(restored->xml), restored->autostart, *std::move(domain)};
}

/// Why the administrator's terms permit no rebuild.
std::optional<Finding> Rebuild::problem_of(const Original& original) const {
  const DomainTerms& terms = original.terms();
  const auto invalid = [](const std::string& what) {
    return Finding{ConditionStatus::kFalse, "TermsInvalid",
                   what + ". Mend the domain's metadata; it is looked at again"};
  };
  if (!terms.problems.empty()) return invalid(terms.problems.front());
  if (!terms.image) {
    return Finding{
        ConditionStatus::kFalse, "NoGoldenImage",
        "the domain's metadata names no golden image: add <image source='…'/> to it, or make a new "
        "machine and release this incident with --victim leave"};
  }
  const auto& harden = work_.playbook()->step<RedeployStep>()->harden;
  const bool takes_agent = std::find(harden.begin(), harden.end(), Hardening::kNoGuestAgent) != harden.end();
  for (const targets::ProbeTerms& probe : terms.probes) {
    if (const auto valid = check_probe(probe); !valid) return invalid(valid.error().message);
    const auto& passages = original.domain.passages;
    const bool has_agent = std::any_of(passages.begin(), passages.end(),
                                       [](const targets::DomainPassage& one) { return one.is_agent(); });
    if (probe.kind == targets::ProbeTerms::Kind::kAgent && !has_agent)
      return invalid("<probe agent='true'> needs a channel of the guest agent, which the domain has not");
    if (probe.kind == targets::ProbeTerms::Kind::kAgent && takes_agent)
      return invalid("<probe agent='true'> needs the channel that the playbook's noGuestAgent takes away");
  }
  return std::nullopt;
}

Result<targets::RebuiltDefinition> Rebuild::plan(const Original& original, const GoldenImage& image,
                                                 const MachinePaths& paths) const {
  targets::RebuildPlan plan;
  plan.incident = incident();
  plan.image = image.trusted.image;
  plan.digest = image.trusted.digest;
  plan.golden = image.path;
  plan.golden_format = image.format;
  plan.overlay = paths.overlay;
  plan.seed = paths.seed;
  plan.nvram = paths.nvram;
  plan.generation = generation_of(uuid(), incident());
  plan.autostart = original.autostart;
  plan.root_disk = original.terms().image->disk;
  plan.harden = work_.playbook()->step<RedeployStep>()->harden;
  const bool is_approved = controller::is_applied(work_.incident(), kKeptDisks);
  for (const auto& [target, rule] : original.terms().data_disks) {
    const bool is_kept = rule == DataDiskRule::kApproval && is_approved;
    plan.data_disks[target] = is_kept                           ? DataDiskFate::kKept
                              : rule == DataDiskRule::kReadOnly ? DataDiskFate::kReadOnly
                                                                : DataDiskFate::kDetached;
  }
  return targets::rebuilt_definition(original.xml, plan);
}

std::optional<StepOutcome> Rebuild::ask_about_data_disks(const DomainTerms& terms) {
  std::string asked;
  for (const auto& [target, rule] : terms.data_disks) {
    if (rule == DataDiskRule::kApproval) asked += (asked.empty() ? "" : ", ") + escape(target, 32);
  }
  if (asked.empty() || controller::is_settled(work_.incident(), kKeptDisks)) return std::nullopt;
  const std::string why =
      "disk " + asked +
      " was the breached machine's: approve to give it to the rebuilt one as it is, or deny "
      "to detach it";
  const Approval* decision = work_.ask("redeploy", kKeptDisks, why);
  if (decision == nullptr) return blocked("AwaitingApproval", why, /*needs_person=*/false);
  work_.settle("redeploy", {});
  Action action = rebuild_action(work_.target(), {});
  action.id = kKeptDisks;
  action.body.clear();
  action.description = fmt::format("give disk {} to the rebuilt machine as it is", asked);
  // In the journal, for later decisions about this step are about something else.
  const auto state = decision->approved ? JournalEntry::State::kApplied : JournalEntry::State::kAbandoned;
  if (auto kept = work_.journal(action, state); !kept) return failed("JournalFull", kept.error());
  return std::nullopt;
}

/// The image that a policy accepted is the incident's. Who has agreed to another one is asked again.
void Rebuild::accept(const GoldenImage& image) {
  auto& images = work_.status().images;
  if (images.size() == 1 && images.front().digest == image.trusted.digest) return;
  if (!images.empty()) forget_question(work_.status(), kRebuildQuestion);
  images = {image.trusted};
  work_.note(fmt::format("Accepted: {} {} (policy {})", image.trusted.image, image.trusted.digest,
                         image.trusted.policy));
}

StepResult Rebuild::begin() {
  if (auto waits = refuse_before_begin()) return *waits;
  const auto original = read_original();
  if (!original && original.error().code == ErrorCode::kConflict)
    return blocked("NotInQuarantine", original.error().message, /*needs_person=*/true);
  if (!original) return fail(original.error());
  if (const auto problem = problem_of(*original))
    return blocked(problem->reason, problem->message, /*needs_person=*/true);
  const auto paths = domains_.files.paths(uuid(), incident());
  if (!paths) return fail(paths.error());

  const targets::GoldenTerms& wanted = *original->terms().image;
  const std::string& policy = work_.playbook()->step<RedeployStep>()->trust_policy;
  const auto image = provide_image(domains_, work_, {wanted.source, wanted.bundle, wanted.checksums}, policy);
  if (!image) return step_waits(work_.world().settings.recheck);
  if (!*image) return failed("ImageRefused", image->error());
  accept(**image);
  if (auto waits = ask_about_data_disks(original->terms())) return *waits;
  const auto planned = plan(*original, **image, *paths);
  if (!planned) return failed("PlanRefused", planned.error());
  if (work_.playbook()->requires_approval("redeploy")) {
    std::string why =
        rebuild_action(work_.target(), planned->mark).description + "; the running one is ended";
    for (const std::string& remark : planned->remarks) why += "; " + remark;
    if (auto waits = controller::ask_before_redeployment(work_, kRebuildQuestion, why)) return *waits;
  }
  const auto prepared = prepare_machine(domains_, work_, **image, *paths,
                                        machine_identity(work_, original->terms()), /*anew=*/true);
  if (!prepared) return step_waits(work_.world().settings.recheck);
  if (!*prepared) return failed("PreparationFailed", prepared->error());
  work_.settle("redeploy", {});
  return switch_over(*planned);
}

/// From here on the breached machine does not come back by itself.
StepResult Rebuild::switch_over(const targets::RebuiltDefinition& planned) {
  const Action action = rebuild_action(work_.target(), planned.mark);
  work_.conclude(condition::kRedeployed, {ConditionStatus::kFalse, "Rebuilding", action.description});
  if (auto waits = controller::plan_before_sending(work_, action)) return *waits;
  if (auto defined = domains_.hypervisor.define(planned.xml); !defined) {
    if (defined.error().retryable) return fail(std::move(defined).error());
    return failed("DefinitionRefused", defined.error());
  }
  for (const std::string& remark : planned.remarks) work_.note("In the rebuilt machine, " + remark);
  return step_waits(std::chrono::milliseconds(0));
}

/// The rebuilt machine is isolated by now. Whether its image is at fault, or the signal, is for a person.
StepResult suspected_again(IncidentWork& work) {
  const std::string why =
      "a signal has come about the rebuilt machine, and it is isolated: if that was a false alarm, 'kintsugi "
      "release " +
      work.incident().name +
      " --victim restore'; else release with --victim leave, mend the image, and open "
      "another incident";
  work.conclude(condition::kRedeployed, {ConditionStatus::kFalse, "SuspectedAgain", why});
  work.await("redeploy", why);
  return step_waits(work.world().settings.recheck);
}

}  // namespace

bool is_suspected_again(const Incident& incident) {
  const auto& redeployed = incident.status.times.redeployed;
  const auto& signals = incident.status.signals;
  return redeployed && std::any_of(signals.begin(), signals.end(),
                                   [&](const SignalTally& tally) { return tally.last > *redeployed; });
}

StepResult DomainSteps::redeploy(IncidentWork& work) const {
  if (work.playbook()->step<RedeployStep>() == nullptr) return step_done();
  return controller::conclude_redeployment(work, rebuild(work));
}

StepResult DomainSteps::rebuild(IncidentWork& work) const {
  if (is_suspected_again(work.incident())) return suspected_again(work);
  const auto observed = domains_.target.observe(work.target().uid);
  if (!observed) return fail(observed.error());
  // While the breached machine runs elsewhere its successor would run beside it.
  const bool is_elsewhere = has_migrated(domains_, work, *observed);
  if (!*observed || is_elsewhere) {
    const std::string why =
        is_elsewhere ? what_migration_means(work)
                     : "the domain is not on this host any more: make a new one, then release the incident";
    work.conclude(condition::kRedeployed,
                  {ConditionStatus::kFalse, is_elsewhere ? kMigrated : "VictimGone", why});
    work.await("redeploy", why);
    return step_waits(work.world().settings.recheck);
  }
  return Rebuild(domains_, work, **observed).run();
}

}  // namespace kintsugi::host
