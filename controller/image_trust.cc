// SPDX-License-Identifier: Apache-2.0
#include "controller/image_trust.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/document.h"
#include "base/escape.h"
#include "base/json_text.h"
#include "base/node_text.h"
#include "controller/playbook_book.h"
#include "k8s-client/client/config_map.h"
#include "playbooks/matcher.h"
#include "targets/kubernetes/redeployment.h"
#include "trust/crypto/reasons.h"
#include "trust/policy/demanded_policy.h"
#include "trust/policy/verifier.h"

namespace kintsugi::controller {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kVerifyTimeout{20};
constexpr const char* kKnownGoodConfigMap = "kintsugi-known-good";
constexpr const char* kSuspectImage = "SuspectImage";
constexpr std::size_t kMaxKnownGoodBytes = 900u << 10;

bool covers(const TrustedImage& image, const std::string& digest) {
  return image.digest == digest ||
         std::find(image.equivalents.begin(), image.equivalents.end(), digest) != image.equivalents.end();
}

TrustedImage trusted(const trust::Verdict& verdict, const std::string& container, const char* origin) {
  TrustedImage image;
  image.container = container;
  image.image = verdict.image;
  image.digest = verdict.digest->text();
  for (const trust::Digest& digest : verdict.equivalents) image.equivalents.push_back(digest.text());
  image.policy = verdict.policy;
  image.key_id = verdict.proofs.empty() ? "" : verdict.proofs.front().signer();
  image.origin = origin;
  return image;
}

json image_to_json(const TrustedImage& image) {
  return {{"image", image.image},
          {"digest", image.digest},
          {"equivalents", image.equivalents},
          {"policy", image.policy},
          {"keyID", image.key_id}};
}

/// One workload's entry; an entry that somebody made unreadable is as good as none.
std::map<std::string, TrustedImage> parse_entry(const std::string& text) {
  std::map<std::string, TrustedImage> images;
  const auto root = parse_json_document(text);
  if (!root) return images;
  for (const Node::Member& member : root->members) {
    TrustedImage image;
    image.container = member.key;
    image.image = text_of(member.value, "image");
    image.digest = targets::digest_of(text_of(member.value, "digest"));
    if (const Node* list = member.value.find("equivalents")) {
      for (const Node& item : list->items) image.equivalents.push_back(item.text);
    }
    image.policy = text_of(member.value, "policy");
    image.key_id = text_of(member.value, "keyID");
    if (!image.digest.empty()) images.emplace(member.key, std::move(image));
  }
  return images;
}

ImageAnswer refuse_image(const std::string& image, const char* reason, const std::string& message) {
  ImageAnswer answer;
  answer.asked = image;
  answer.reason = reason;
  answer.message = "image " + escape(image, 256) + message;
  return answer;
}

metrics::VerificationResult result_of(const trust::Verdict& verdict) {
  using metrics::VerificationResult;
  if (verdict.accepted)
    return verdict.warnings.empty() ? VerificationResult::kAccepted : VerificationResult::kWarned;
  return verdict.retryable ? VerificationResult::kUnavailable : VerificationResult::kRefused;
}

}  // namespace

ImageTrust::ImageTrust(trust::Verifier& verifier, const PlaybookBook& book, k8s::Client& client,
                       std::string name_space, metrics::Registry& metrics, const Clock& clock)
    : verifier_(verifier),
      book_(book),
      client_(client),
      name_space_(std::move(name_space)),
      metrics_(metrics),
      clock_(clock) {}

trust::Verdict ImageTrust::verify(const std::string& image, MonotonicTime deadline, std::stop_token stop,
                                  const trust::Predecessor* predecessor) {
  const trust::Call call{deadline, std::move(stop)};
  trust::Verdict verdict = verifier_.verify(std::string_view(image), *book_.policies(), call, predecessor);
  metrics_.count_image_verification(result_of(verdict));
  return verdict;
}

trust::Verdict ImageTrust::judge(const std::string& image, MonotonicTime deadline) {
  return verify(image, deadline, {}, nullptr);
}

ImageAnswer ImageTrust::ask(const std::string& image, const std::string& container, const std::string& policy,
                            const char* origin, std::stop_token stop, const trust::Predecessor* predecessor) {
  const PlaybookBook::Policies all = book_.policies();
  if (!policy.empty()) {
    const auto reference = trust::ImageReference::parse(image);
    // What is no reference is refused as such below.
    const auto selects = [&](const trust::TrustPolicySpec& spec) {
      return !reference || spec.selects(*reference);
    };
    if (const auto lack = trust::lack_of(policy, *all, selects)) {
      metrics_.count_image_verification(metrics::VerificationResult::kRefused);
      return refuse_image(image, trust::reason::kNoMatchingPolicy, ", policy " + policy + ": " + *lack);
    }
  }
  const trust::Verdict verdict =
      verify(image, clock_.monotonic() + kVerifyTimeout, std::move(stop), predecessor);
  ImageAnswer answer;
  answer.asked = image;
  answer.reason = verdict.reason;
  answer.retryable = verdict.retryable;
  answer.retry_after = verdict.retry_after;
  const bool names_digest = !verdict.digest || image.ends_with(verdict.digest->text());
  answer.message = "image " + escape(image, 256) + (names_digest ? "" : " (" + verdict.digest->text() + ")") +
                   (verdict.policy.empty() ? "" : ", policy " + verdict.policy) + ": " + verdict.message;
  for (const std::string& warning : verdict.warnings) answer.message += "; " + warning;
  if (verdict.accepted && verdict.digest) answer.image = trusted(verdict, container, origin);
  return answer;
}

ImageAnswer ImageTrust::decide(const ImageQuestion& question, const std::string& policy, bool suspect,
                               const std::string& workload_uid, std::stop_token stop) {
  catch_up();
  const std::string running = targets::digest_of(question.running_image_id);
  if (suspect && running.empty()) {
    return refuse_image(
        question.image, kSuspectImage,
        ": container " + escape(question.container, 64) +
            ": the image is suspect, and which digest ran is not known, so that none can be told "
            "from it");
  }
  const auto running_digest = trust::Digest::parse(running);
  const trust::Predecessor predecessor{running_digest ? std::optional(*running_digest) : std::nullopt};
  const auto is_forbidden = [&](const ImageAnswer& answer) {
    return suspect && answer.image && covers(*answer.image, running);
  };
  const auto ask_about = [&](const std::string& image, const char* origin) {
    return ask(image, question.container, policy, origin, stop, &predecessor);
  };
  std::optional<ImageAnswer> of_template;
  const auto ask_template = [&]() -> ImageAnswer& {
    if (!of_template) of_template = ask_about(question.image, question.was_rolled ? kRollout : kTemplate);
    return *of_template;
  };
  // A template that names an accepted digest is prepared: nothing needs to be written.
  const bool names_digest = !targets::digest_of(question.image).empty();
  if (names_digest && ask_template().image && !is_forbidden(ask_template())) return ask_template();
  if (!running.empty() && !suspect && !question.was_rolled) {
    ImageAnswer answer = ask_about(targets::pinned(question.image, running), kRunning);
    if (answer.image) return answer;
  }
  ImageAnswer refusal = ask_template();
  if (refusal.image && !is_forbidden(refusal)) return refusal;
  if (is_forbidden(refusal)) {
    refusal =
        refuse_image(question.image, kSuspectImage, ": its digest is suspect and may not be used again");
  }
  // A refusal is about what the template names now: that says more than what the runtime happened to report.
  if (const auto good = known_good(workload_uid, question.container);
      good && !(suspect && covers(*good, running))) {
    ImageAnswer again = ask_about(targets::pinned(good->image, good->digest), kLastKnownGood);
    if (again.image) {
      again.message = refusal.message;  // why the template's own was not taken
      again.reason = refusal.reason;
      return again;
    }
    refusal.retryable = refusal.retryable || again.retryable;
    refusal.retry_after = std::max(refusal.retry_after, again.retry_after);
  }
  return refusal;
}

void ImageTrust::keep_answers(const std::string& incident, std::vector<ImageAnswer> answers) {
  std::lock_guard lock(mutex_);
  answers_[incident] = std::move(answers);
}

std::optional<std::vector<ImageAnswer>> ImageTrust::take_answers(const std::string& incident) {
  std::lock_guard lock(mutex_);
  const auto found = answers_.find(incident);
  if (found == answers_.end()) return std::nullopt;
  std::vector<ImageAnswer> answers = std::move(found->second);
  answers_.erase(found);
  return answers;
}

void ImageTrust::forget_answers(const std::string& incident) {
  std::lock_guard lock(mutex_);
  answers_.erase(incident);
}

std::set<std::string> ImageTrust::required_policies(const WorkloadImages& workload,
                                                    const Labels& namespace_labels) const {
  std::set<std::string> names;
  const PlaybookBook::Playbooks all = book_.playbooks();
  for (const Playbook& playbook : *all) {
    const auto* step = playbook.step<RedeployStep>();
    if (step != nullptr && playbooks::selects_target(playbook, namespace_labels, workload.labels))
      names.insert(step->trust_policy);
  }
  if (names.empty()) names.insert("");
  return names;
}

ImageAnswer ImageTrust::ask_all(const std::string& image, const std::string& container,
                                const std::set<std::string>& policies, std::stop_token stop) {
  ImageAnswer answer;
  for (const std::string& policy : policies) {
    answer = ask(image, container, policy, kTemplate, stop);
    if (!answer.image) return answer;
  }
  return answer;
}

std::vector<ImageAnswer> ImageTrust::prepare(const WorkloadImages& workload, const Labels& namespace_labels,
                                             const std::function<bool()>& may_write, std::stop_token stop) {
  catch_up();
  const std::set<std::string> policies = required_policies(workload, namespace_labels);
  std::vector<ImageAnswer> answers;
  std::vector<TrustedImage> good;
  for (const targets::Container& container : workload.containers) {
    answers.push_back(ask_all(container.image, container.name, policies, stop));
    if (answers.back().image) good.push_back(*answers.back().image);
  }
  if (!good.empty() && good.size() == answers.size()) {
    if (auto kept = remember(workload.uid, good, may_write); !kept) {
      answers.back().message += "; not remembered: " + kept.error().to_string();
    }
  }
  return answers;
}

std::optional<TrustedImage> ImageTrust::known_good(const std::string& workload_uid,
                                                   const std::string& container) const {
  std::lock_guard lock(mutex_);
  const auto workload = known_good_.find(workload_uid);
  if (workload == known_good_.end()) return std::nullopt;
  const auto image = workload->second.find(container);
  return image == workload->second.end() ? std::nullopt : std::optional(image->second);
}

std::size_t ImageTrust::known_containers(const std::string& workload_uid) const {
  std::lock_guard lock(mutex_);
  const auto workload = known_good_.find(workload_uid);
  return workload == known_good_.end() ? 0 : workload->second.size();
}

Result<void> ImageTrust::remember(const std::string& workload_uid, const std::vector<TrustedImage>& images,
                                  const std::function<bool()>& may_write) {
  json entry = json::object();
  std::map<std::string, TrustedImage> by_container;
  for (const TrustedImage& image : images) {
    entry[image.container] = image_to_json(image);
    by_container[image.container] = image;
  }
  const std::lock_guard storing(storing_);
  const auto take = [&] {
    const std::lock_guard lock(mutex_);
    known_good_[workload_uid] = std::move(by_container);
  };
  const auto is_known = [&](const TrustedImage& image) {
    const auto known = known_good(workload_uid, image.container);
    return known && known->digest == image.digest;
  };
  if (known_containers(workload_uid) == images.size() &&
      std::all_of(images.begin(), images.end(), is_known)) {
    take();
    return {};
  }
  if (!may_write()) return fail(ErrorCode::kCancelled, "another replica leads by now");
  auto kept =
      k8s::put_config_map_entry(client_, {name_space_, kKnownGoodConfigMap}, workload_uid, json_text(entry));
  if (!kept) return fail(kept.error());
  take();
  return {};
}

Result<void> ImageTrust::load_known_good() {
  const std::lock_guard storing(storing_);
  auto stored = client_.get(k8s::kConfigMaps, {name_space_, kKnownGoodConfigMap});
  if (!stored && stored.error().code != ErrorCode::kNotFound) return fail(stored.error());
  const json data = stored ? stored->value("data", json::object()) : json::object();
  std::map<std::string, std::map<std::string, TrustedImage>> read;
  for (const auto& [uid, text] : data.items()) {
    if (!text.is_string() || text.get_ref<const std::string&>().size() > kMaxKnownGoodBytes) continue;
    read.emplace(uid, parse_entry(text.get<std::string>()));
  }
  const std::lock_guard lock(mutex_);
  known_good_ = std::move(read);
  return {};
}

void ImageTrust::expect_changes() {
  may_have_changed_ = true;
}

/// Where it cannot be read, what is known counts, and the next decision tries again.
void ImageTrust::catch_up() {
  const std::lock_guard lock(catching_up_);
  if (may_have_changed_.exchange(false) && !load_known_good()) may_have_changed_ = true;
}

void ImageTrust::forget_all_but(const std::set<std::string>& workload_uids) {
  const std::lock_guard storing(storing_);
  std::vector<std::string> gone;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [uid, images] : known_good_) {
      if (!workload_uids.contains(uid)) gone.push_back(uid);
    }
    for (const std::string& uid : gone) known_good_.erase(uid);
  }
  for (const std::string& uid : gone) {
    // One that stays is dropped by the next leader.
    (void)k8s::remove_config_map_entry(client_, {name_space_, kKnownGoodConfigMap}, uid);
  }
}

}  // namespace kintsugi::controller
