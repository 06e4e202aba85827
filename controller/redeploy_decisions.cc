// SPDX-License-Identifier: Apache-2.0
#include "controller/redeploy_decisions.h"

#include <algorithm>

#include "controller/redeployment_questions.h"

namespace kintsugi::controller {
namespace {

constexpr const char* kJob = "verify-images";
constexpr std::string_view kPinAction =
    "redeploy/pin";  // and "redeploy/pin-2", …: each has an undo of its own
/// After so many somebody or something works against it.
constexpr std::size_t kMaxPins = 3;

/// Decides the images in a job. Nothing: not decided yet.
std::optional<std::vector<ImageAnswer>> decide(IncidentWork& work, std::vector<ImageQuestion> wanted,
                                               const std::string& workload_uid) {
  World& world = work.world();
  const std::string name = work.incident().name;
  if (auto answers = world.cluster->trust.take_answers(name)) return answers;
  const auto* step = work.playbook()->step<RedeployStep>();
  world.jobs.start(
      name, work.target().name_space, kJob,
      [&world, name, wanted = std::move(wanted), arguments = *step, workload_uid](std::stop_token stop) {
        std::vector<ImageAnswer> answers;
        for (const ImageQuestion& question : wanted) {
          answers.push_back(world.cluster->trust.decide(question, arguments.trust_policy,
                                                        arguments.suspect_image, workload_uid, stop));
          if (answers.back().image) answers.back().image->asked = question.image;
        }
        if (!stop.stop_requested()) world.cluster->trust.keep_answers(name, std::move(answers));
      },
      [&world, name] { world.wake(name); });
  return std::nullopt;
}

bool is_pin(const JournalEntry& entry) {
  return entry.action.id.starts_with(kPinAction);
}

bool is_applied_pin(const JournalEntry& entry) {
  return is_pin(entry) && entry.state == JournalEntry::State::kApplied;
}

bool is_planned_pin(const JournalEntry& entry) {
  return is_pin(entry) && entry.state == JournalEntry::State::kPlanned;
}

/// Turns the answers into the images of the incident, or says why not.
std::optional<StepOutcome> settle(IncidentWork& work, const std::vector<ImageAnswer>& answers) {
  std::vector<TrustedImage> images;
  for (const ImageAnswer& answer : answers) {
    if (!answer.image) {
      work.conclude(condition::kRedeployed, blocked(answer.reason, answer.message));
      if (!answer.retryable) {
        work.await("redeploy",
                   "no accepted image: " + answer.message + ". Sign or fix it; it is looked at again");
      }
      const std::chrono::nanoseconds asked = answer.retry_after.value_or(std::chrono::milliseconds(0));
      return step_waits(
          std::clamp<std::chrono::nanoseconds>(asked, patience(work, condition::kRedeployed), kMostPatient));
    }
    images.push_back(*answer.image);
    if (answer.image->origin == kLastKnownGood)
      work.note("Not taken: " + answer.message + " (" + answer.reason + ")");
    work.note("Accepted for container " + answer.image->container + ": " + answer.image->image + " " +
              answer.image->digest + " (" + answer.image->origin + ", policy " + answer.image->policy + ")");
  }
  work.status().images = std::move(images);
  work.settle("redeploy", {});
  return std::nullopt;
}

/// "web:1.0" of "registry.example.com/shop/web:1.0".
std::string_view last_name(std::string_view image) {
  return image.substr(image.rfind('/') + 1);
}

bool names_digest(std::string_view image) {
  return image.find('@') != std::string_view::npos;
}

/// Whether the template names another image than it was decided about, was rolled out anew since then, or
/// has a container that was not there.
bool asks_for_others(const std::vector<TrustedImage>& decided, const std::vector<ImageQuestion>& now) {
  return std::any_of(now.begin(), now.end(), [&](const ImageQuestion& question) {
    const auto image = std::find_if(decided.begin(), decided.end(), [&](const TrustedImage& one) {
      return one.container == question.container;
    });
    return image == decided.end() || (!image->asked.empty() && image->asked != question.image) ||
           (question.was_rolled && image->origin != kRollout && image->origin != kLastKnownGood);
  });
}

}  // namespace

Finding blocked(std::string reason, std::string message) {
  return {ConditionStatus::kFalse, std::move(reason), std::move(message)};
}

void add_running(std::vector<ImageQuestion>& questions, const std::vector<RunningImage>& running) {
  for (ImageQuestion& question : questions) {
    for (const RunningImage& image : running) {
      if (image.container != question.container) continue;
      question.running_image_id = image.image_id;
      const bool is_known = !image.image.empty() && !names_digest(image.image);
      if (is_known && last_name(image.image) != last_name(question.image)) question.was_rolled = true;
    }
  }
}

std::optional<StepOutcome> decide_images(IncidentWork& work, std::vector<ImageQuestion> questions,
                                         const std::string& workload_uid) {
  const auto answers = decide(work, std::move(questions), workload_uid);
  if (!answers) return step_waits(work.world().settings.retry);
  return settle(work, *answers);
}

void forget_outdated_images(IncidentWork& work, const std::vector<ImageQuestion>& now) {
  auto& status = work.status();
  const bool was_rolled = status.times.redeployed || asks_for_others(status.images, now);
  if (status.images.empty() || !was_rolled) return;
  work.note("The template has changed since; its images are decided anew");
  status.images.clear();
  status.times.redeployed.reset();
  work.settle("redeploy", {kPinQuestion, kRebuildQuestion});
}

std::optional<StepOutcome> ask_before_pin(IncidentWork& work, const std::string& gitops_owner) {
  const auto waits = [&work](std::string reason, std::string message) {
    work.conclude(condition::kRedeployed, blocked(std::move(reason), std::move(message)));
    return step_waits(work.world().settings.recheck);
  };
  if (!gitops_owner.empty()) {
    return waits("GitOpsManaged", "the template belongs to " + gitops_owner +
                                      ": a pin would be reverted; commit the accepted digest " +
                                      work.status().images.front().digest + " there");
  }
  if (work.mode() < Mode::kFull) {
    return waits("ModeForbids", "the template names no accepted digest, and mode " +
                                    std::string(to_string(work.mode())) + " does not permit a pin");
  }
  return std::nullopt;
}

std::optional<StepOutcome> ask_to_pin_again(IncidentWork& work) {
  const auto& journal = work.status().journal;
  if (std::size_t(std::count_if(journal.begin(), journal.end(), is_applied_pin)) < kMaxPins)
    return std::nullopt;
  const std::string why = "the template was changed again after " + std::to_string(kMaxPins) +
                          " pins: somebody or something works against them; approve to pin it once more";
  if (auto waits = ask_before_redeployment(work, kPinAgainQuestion, why)) return waits;
  work.settle("redeploy", {kPinAgainQuestion});
  return std::nullopt;
}

std::string next_pin(IncidentWork& work) {
  const auto& journal = work.status().journal;
  const auto planned = std::find_if(journal.begin(), journal.end(), is_planned_pin);
  if (planned != journal.end()) return planned->action.id;
  const auto pins = std::count_if(journal.begin(), journal.end(), is_pin);
  return std::string(kPinAction) + (pins == 0 ? "" : "-" + std::to_string(pins + 1));
}

void settle_pin(IncidentWork& work) {
  settle_planned(work, is_pin);
}

bool has_planned_pin(const Incident& incident) {
  const auto& journal = incident.status.journal;
  return std::any_of(journal.begin(), journal.end(), is_planned_pin);
}

}  // namespace kintsugi::controller
