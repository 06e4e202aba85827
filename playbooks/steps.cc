// SPDX-License-Identifier: Apache-2.0
#include "playbooks/steps.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/escape.h"
#include "base/kubernetes_name.h"

namespace kintsugi::playbooks {
namespace {

constexpr std::int64_t kMostCollectSeconds = 3600;
constexpr std::int64_t kDaySeconds = 86'400;
constexpr std::int64_t kYearSeconds = 365 * kDaySeconds;

/// In the order in which they run, which is that of Step::arguments.
constexpr std::array<std::string_view, 5> kVerbs{"contain", "collect", "redeploy", "verify", "release"};

constexpr std::pair<std::string_view, Hardening> kHardenings[] = {
    {"readOnlyRootFilesystem", Hardening::kReadOnlyRootFilesystem},
    {"dropCapabilities", Hardening::kDropCapabilities},
    {"runAsNonRoot", Hardening::kRunAsNonRoot},
    {"seccompRuntimeDefault", Hardening::kSeccompRuntimeDefault},
    {"noServiceAccountToken", Hardening::kNoServiceAccountToken},
    {"noHostDevices", Hardening::kNoHostDevices},
    {"noGuestAgent", Hardening::kNoGuestAgent},
    {"noHostChannels", Hardening::kNoHostChannels},
    {"noSerialConsole", Hardening::kNoSerialConsole},
    {"graphicsOnLoopback", Hardening::kGraphicsOnLoopback},
    {"noQemuCommandLine", Hardening::kNoQemuCommandLine},
};

/// Whether it is there, and right.
bool read_seconds(ObjectReader& reader, std::string_view key, std::chrono::seconds& out, IntegerRange range) {
  std::int64_t seconds = 0;
  if (!reader.integer(key, seconds, range)) return false;
  out = std::chrono::seconds(seconds);
  return true;
}

void read_name(ObjectReader& reader, std::string_view key, std::string& out,
               bool (*is_valid)(std::string_view)) {
  if (reader.string(key, out) && !is_valid(out)) {
    reader.report(key, fmt::format("'{}' is no Kubernetes name", escape(out, 64)));
  }
}

void refuse_unverified_replacement(ObjectReader& reader) {
  if (reader.member("unverifiedReplacement")) {
    reader.report("unverifiedReplacement", "not supported yet", "leave it out");
  }
}

ContainStep read_contain(const Node& node, const std::string& path, bool& approval, ProblemList& problems) {
  ObjectReader reader(node, path, {"forensics", "pause", "requireApproval", "unverifiedReplacement"},
                      problems);
  ContainStep step;
  read_name(reader, "forensics", step.forensics, is_dns_label);
  if (bool pause = false; reader.boolean("pause", pause)) step.pause = pause;
  reader.boolean("requireApproval", approval);
  refuse_unverified_replacement(reader);
  return step;
}

CollectStep read_collect(const Node& node, const std::string& path, bool& approval, ProblemList& problems) {
  ObjectReader reader(node, path,
                      {"logs", "processes", "sockets", "events", "memory", "disks", "screenshot",
                       "guestFacts", "memoryDumpClaim", "deadlineSeconds", "requireApproval"},
                      problems);
  CollectStep step;
  reader.boolean("logs", step.logs);
  reader.boolean("processes", step.processes);
  reader.boolean("sockets", step.sockets);
  reader.boolean("events", step.events);
  reader.boolean("memory", step.memory);
  reader.boolean("disks", step.disks);
  reader.boolean("screenshot", step.screenshot);
  reader.boolean("guestFacts", step.guest_facts);
  read_name(reader, "memoryDumpClaim", step.memory_dump_claim, is_dns_subdomain);
  if (std::chrono::seconds deadline{};
      read_seconds(reader, "deadlineSeconds", deadline, {1, kMostCollectSeconds}))
    step.deadline = deadline;
  reader.boolean("requireApproval", approval);
  return step;
}

void read_harden(ObjectReader& reader, std::vector<Hardening>& out) {
  std::vector<std::string> words;
  if (!reader.strings("harden", words)) return;
  std::vector<std::string_view> known;
  for (const auto& entry : kHardenings) known.push_back(entry.first);
  for (const std::string& word : words) {
    const auto found = std::find(known.begin(), known.end(), word);
    if (found == known.end()) {
      reader.report("harden", fmt::format("'{}' is none of {}", escape(word, 64), fmt::join(known, ", ")),
                    suggest(word, known));
      continue;
    }
    const Hardening hardening = kHardenings[found - known.begin()].second;
    if (std::find(out.begin(), out.end(), hardening) != out.end()) {
      reader.report("harden", fmt::format("{} stands there twice", word));
    }
    out.push_back(hardening);
  }
}

RedeployStep read_redeploy(const Node& node, const std::string& path, bool& approval, ProblemList& problems) {
  ObjectReader reader(
      node, path,
      {"trustPolicy", "harden", "recreate", "suspectImage", "requireApproval", "unverifiedReplacement"},
      problems);
  RedeployStep step;
  read_name(reader, "trustPolicy", step.trust_policy, is_dns_subdomain);
  read_harden(reader, step.harden);
  reader.boolean("recreate", step.recreate);
  reader.boolean("suspectImage", step.suspect_image);
  reader.boolean("requireApproval", approval);
  refuse_unverified_replacement(reader);
  return step;
}

VerifyStep read_verify(const Node& node, const std::string& path, ProblemList& problems) {
  ObjectReader reader(node, path, {"readySeconds", "quietSeconds"}, problems);
  VerifyStep step;
  read_seconds(reader, "readySeconds", step.ready, {1, kDaySeconds});
  read_seconds(reader, "quietSeconds", step.quiet, {0, kDaySeconds});
  return step;
}

ReleaseStep read_release(const Node& node, const std::string& path, bool& approval, ProblemList& problems) {
  using Victim = ReleaseStep::Victim;
  ObjectReader reader(node, path, {"victim", "afterSeconds", "requireApproval"}, problems);
  ReleaseStep step;
  reader.word<Victim>("victim", step.victim, {{"leave", Victim::kLeave}, {"delete", Victim::kDelete}});
  read_seconds(reader, "afterSeconds", step.after, {0, kYearSeconds});
  reader.boolean("requireApproval", approval);
  return step;
}

Step read_arguments(std::size_t verb, const Node& node, const std::string& path, ProblemList& problems) {
  Step step;
  switch (verb) {
    case 0: step.arguments = read_contain(node, path, step.require_approval, problems); break;
    case 1: step.arguments = read_collect(node, path, step.require_approval, problems); break;
    case 2: step.arguments = read_redeploy(node, path, step.require_approval, problems); break;
    case 3: step.arguments = read_verify(node, path, problems); break;
    default: step.arguments = read_release(node, path, step.require_approval, problems); break;
  }
  return step;
}

std::optional<Step> read_step(const Node& node, const std::string& path, ProblemList& problems) {
  if (node.kind == Node::Kind::kString) {
    problems.add(node.position, path, "expected an object, found a string",
                 fmt::format("write '{}: {{}}'", escape(node.text, 64)));
    return std::nullopt;
  }
  ObjectReader reader(node, path, {kVerbs.begin(), kVerbs.end()}, problems);
  std::optional<Step> step;
  for (std::size_t verb = 0; verb < kVerbs.size(); ++verb) {
    const Node* const arguments = node.find(kVerbs[verb]);
    if (!arguments) continue;
    if (step) {
      problems.add(arguments->position, path,
                   fmt::format("{} and {} in one step", step->verb(), kVerbs[verb]),
                   "begin each step with its own '-'");
      continue;
    }
    // "- contain:" without arguments is a null, and means the same as "- contain: {}".
    Node none;
    none.kind = Node::Kind::kObject;
    const Node& given = arguments->kind == Node::Kind::kNull ? none : *arguments;
    step = read_arguments(verb, given, reader.path_of(kVerbs[verb]), problems);
  }
  if (!step && node.kind == Node::Kind::kObject && node.members.empty()) {
    problems.add(node.position, path, fmt::format("expected one of {}", fmt::join(kVerbs, ", ")));
  }
  return step;
}

/// What a later step needs from the ones before it.
class SequenceCheck {
 public:
  SequenceCheck(Mode mode, ProblemList& problems) : mode_(mode), problems_(problems) {}

  void add(const Step& step, Position position, const std::string& path) {
    const std::size_t verb = step.arguments.index();
    const auto report = [&](std::string message) { problems_.add(position, path, std::move(message)); };
    const auto later = std::find_if(seen_.begin() + std::ptrdiff_t(verb) + 1, seen_.end(),
                                    [](const std::string& place) { return !place.empty(); });
    if (!seen_[verb].empty()) {
      report(fmt::format("{} stands there twice, first as {}", kVerbs[verb], seen_[verb]));
      return;
    }
    if (later != seen_.end()) {
      report(fmt::format("{} cannot come after {}; the order is {}", kVerbs[verb],
                         kVerbs[std::size_t(later - seen_.begin())], fmt::join(kVerbs, ", ")));
    } else if (verb > kCollect && seen_[kContain].empty()) {
      report(fmt::format("{} without a step contain before it", kVerbs[verb]));
    } else if (verb == kVerify && seen_[kRedeploy].empty()) {
      report("verify without a step redeploy before it, which says what may run");
    }
    seen_[verb] = path;
  }

  void finish(Position position, const std::string& path) {
    if (mode_ != Mode::kContainOnly || !seen_[kContain].empty()) return;
    problems_.add(position, path, "mode contain-only without a step contain",
                  "add '- contain: {}' or set mode: observe");
  }

 private:
  static constexpr std::size_t kContain = 0, kCollect = 1, kRedeploy = 2, kVerify = 3;

  Mode mode_;
  ProblemList& problems_;
  std::array<std::string, kVerbs.size()> seen_;  ///< the path of each verb's step; empty: not yet
};

}  // namespace

std::vector<Step> read_steps(const Node& list, const std::string& path, Mode mode, ProblemList& problems) {
  std::vector<Step> steps;
  SequenceCheck sequence(mode, problems);
  for (std::size_t i = 0; i < list.items.size(); ++i) {
    const std::string step_path = join_path(path, i);
    auto step = read_step(list.items[i], step_path, problems);
    if (!step) continue;
    sequence.add(*step, list.items[i].position, step_path);
    steps.push_back(std::move(*step));
  }
  sequence.finish(list.position, path);
  return steps;
}

}  // namespace kintsugi::playbooks
