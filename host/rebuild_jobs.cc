// SPDX-License-Identifier: Apache-2.0
#include "host/rebuild_jobs.h"

#include <algorithm>

#include "base/escape.h"
#include "controller/collection.h"
#include "host/rebuild_memory.h"
#include "host/service_probe.h"
#include "trust/policy/trust_policy.h"

namespace kintsugi::host {
namespace {

constexpr char kPreparation[] = "prepare-machine";
constexpr std::chrono::hours kImageDeadline{1};
constexpr std::chrono::milliseconds kMostPatient{60000};
/// What a person has to mend is looked at that often.
constexpr std::chrono::milliseconds kRefusedAgain{15000};
constexpr std::size_t kShownPathBytes = 200;

template <class Value>
using Slot = std::optional<JobAnswer<Value>> RebuildFacts::*;

/// Starts a job that fills the slot.
template <class Value, class FindOut>
void start(const DomainWorld& domains, IncidentWork& work, const char* name, Slot<Value> slot,
           FindOut find_out) {
  controller::World& world = work.world();
  const std::string incident = work.incident().name;
  world.jobs.start(
      incident, controller::lane_of(work.target()), name,
      [&world, &domains, incident, slot, find_out = std::move(find_out)](std::stop_token stop) {
        Result<Value> result = find_out(stop);
        if (stop.stop_requested()) return;
        const MonotonicTime now = world.clock.monotonic();
        domains.rebuilds.change(
            incident, [&](RebuildFacts& facts) { facts.*slot = JobAnswer<Value>{std::move(result), now}; });
      },
      [&world, incident] { world.wake(incident); });
}

/// Whether a failure is old enough to try again.
template <class Value>
bool is_to_be_retried(IncidentWork& work, const JobAnswer<Value>& answer) {
  if (answer.result) return false;
  const Error& error = answer.result.error();
  std::chrono::milliseconds pause = error.retryable ? work.world().settings.retry : kRefusedAgain;
  pause = std::clamp(error.retry_after.value_or(pause), pause, std::max(pause, kMostPatient));
  return work.world().clock.monotonic() >= answer.at + pause;
}

template <class Value>
std::optional<Result<Value>> said(const std::optional<JobAnswer<Value>>& answer) {
  return answer ? std::optional(answer->result) : std::nullopt;
}

/// The body of the job; `anew`: what is there of the machine's files is replaced.
Result<PreparedMachine> make_machine(const DomainWorld& domains, const std::string& incident,
                                     const GoldenImage& image, const MachinePaths& paths,
                                     const MachineIdentity& identity, bool anew,
                                     const std::stop_token& stop) {
  const auto checked = domains.images.check(image, stop);
  if (!checked) {
    // It was altered or deleted since it was kept: from its source it can be had once more.
    domains.rebuilds.change(incident, [](RebuildFacts& known) { known.image.reset(); });
    return fail(checked.error());
  }
  PreparedMachine made{image.trusted.digest, *checked, paths.overlay, ""};
  if (anew) {
    auto basis = domains.files.make(image, paths, identity, stop);
    if (!basis) return fail(std::move(basis).error());
    made.basis = *std::move(basis);
  } else if (auto there = domains.files.make_missing(image, paths, identity, stop); !there) {
    return fail(std::move(there).error());
  }
  return made;
}

}  // namespace

/// What a verdict rests on: the policy that the playbook demands, and all that there are.
std::string judges(const DomainWorld& domains, const std::string& policy) {
  std::string text = policy;
  for (const trust::TrustPolicy& each : *domains.book.policies())
    text += ' ' + each.spec.name + ' ' + each.hash;
  return text;
}

std::optional<Result<GoldenImage>> provide_image(const DomainWorld& domains, IncidentWork& work,
                                                 const GoldenSource& source, const std::string& policy) {
  const RebuildFacts facts = domains.rebuilds.facts(work.incident().name);
  const std::string judged_by = judges(domains, policy);
  // The administrator may have named another one since, or have revoked what was accepted.
  const bool is_of_another =
      facts.image && facts.image->result &&
      (facts.image->result->source != source || facts.image->result->judged_by != judged_by);
  const JobAnswer<ProvidedImage>* known = facts.image && !is_of_another ? &*facts.image : nullptr;
  if (known == nullptr || is_to_be_retried(work, *known)) {
    const MonotonicTime deadline = work.world().clock.monotonic() + kImageDeadline;
    const auto provide = [&images = domains.images, source, policy, judged_by,
                          deadline](const std::stop_token& stop) -> Result<ProvidedImage> {
      auto image = images.provide(source, policy, deadline, stop);
      if (!image) return fail(std::move(image).error());
      return ProvidedImage{source, *std::move(image), judged_by};
    };
    start<ProvidedImage>(domains, work, "golden-image", &RebuildFacts::image, provide);
  }
  if (known == nullptr) return std::nullopt;
  return known->result ? Result<GoldenImage>(known->result->image) : fail(known->result.error());
}

std::optional<Result<void>> prepare_machine(const DomainWorld& domains, IncidentWork& work,
                                            const GoldenImage& image, const MachinePaths& paths,
                                            const MachineIdentity& identity, bool anew) {
  const auto is_still_right = [&](const PreparedMachine& made) {
    if (made.digest != image.trusted.digest || made.overlay != paths.overlay) return false;
    if (!anew) return true;
    const auto basis = domains.files.basis(image, paths, identity);
    return basis && *basis == made.basis;  // the job says what is wrong with it
  };
  auto known = domains.rebuilds.facts(work.incident().name).prepared;
  if (known && known->result && !is_still_right(*known->result)) {
    // Not even where all is as it was once more: by then the job may have made something else of it.
    domains.rebuilds.change(work.incident().name, [](RebuildFacts& facts) { facts.prepared.reset(); });
    known.reset();
  }
  if (!known || is_to_be_retried(work, *known)) {
    const auto prepare = [&domains, incident = work.incident().name, image, paths, identity,
                          anew](const std::stop_token& stop) {
      return make_machine(domains, incident, image, paths, identity, anew, stop);
    };
    start<PreparedMachine>(domains, work, kPreparation, &RebuildFacts::prepared, prepare);
  }
  if (!known) return std::nullopt;
  return known->result ? Result<void>() : Result<void>(fail(known->result.error()));
}

bool is_preparing(IncidentWork& work) {
  return work.world().jobs.is_active(work.incident().name, kPreparation);
}

std::optional<FileIdentity> prepared_image(const DomainWorld& domains, IncidentWork& work) {
  const auto known = domains.rebuilds.facts(work.incident().name).prepared;
  return known && known->result ? std::optional(known->result->golden) : std::nullopt;
}

std::optional<Result<void>> rehash_image(const DomainWorld& domains, IncidentWork& work,
                                         const GoldenImage& image,
                                         const std::optional<FileIdentity>& verified) {
  const auto known = domains.rebuilds.facts(work.incident().name).rehashed;
  if (!known || is_to_be_retried(work, *known)) {
    const auto rehash = [&images = domains.images, image,
                         verified](const std::stop_token& stop) -> Result<void> {
      const auto file = images.check(image, stop);
      if (!file) return fail(file.error());
      if (!verified || *file == *verified) return {};
      return fail(
          make_error(ErrorCode::kRefused, "another file has taken the place of the one that was verified")
              .on(escape(image.path, kShownPathBytes)));
    };
    start<void>(domains, work, "rehash-image", &RebuildFacts::rehashed, rehash);
  }
  return said(known);
}

std::optional<Result<void>> ask_service(const DomainWorld& domains, IncidentWork& work,
                                        const std::vector<targets::ProbeTerms>& probes) {
  const auto known = domains.rebuilds.facts(work.incident().name).served;
  const bool is_old = known && work.world().clock.monotonic() >= known->at + work.world().settings.recheck;
  if (!known || is_old) {
    const auto ask_all = [&probe = domains.probe, probes](const std::stop_token& stop) -> Result<void> {
      for (const targets::ProbeTerms& terms : probes) {
        if (terms.kind == targets::ProbeTerms::Kind::kAgent) continue;
        if (auto answered = probe.ask(terms, stop); !answered) return answered;
      }
      return {};
    };
    start<void>(domains, work, "ask-service", &RebuildFacts::served, ask_all);
  }
  return said(known);
}

}  // namespace kintsugi::host
