// SPDX-License-Identifier: Apache-2.0
#include "playbooks/loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/encoding.h"
#include "base/escape.h"
#include "base/file.h"
#include "base/kubernetes_name.h"
#include "base/label_selector_reader.h"
#include "playbooks/steps.h"

namespace kintsugi::playbooks {
namespace {

constexpr std::size_t kMostFileBytes = 1u << 20;
constexpr std::size_t kMostSignals = 50;
constexpr std::size_t kMostGlobBytes = 256;
constexpr std::int64_t kMostTargets = 100'000;

bool is_printable(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return std::uint8_t(c) < 0x20 || c == '\x7F'; });
}

std::string read_metadata(const Node& metadata, ProblemList& problems) {
  // Those after annotations are the API server's; `kubectl get -o yaml` writes them into files, too.
  ObjectReader reader(metadata, "metadata",
                      {"name", "namespace", "labels", "annotations", "uid", "resourceVersion", "generation",
                       "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "finalizers",
                       "managedFields", "ownerReferences", "selfLink"},
                      problems);
  std::string name;
  if (reader.string("name", name, Presence::kRequired) && !is_dns_subdomain(name)) {
    reader.report("name", fmt::format("'{}' is no Kubernetes name", escape(name, 64)));
  }
  return name;
}

void check_globs(ObjectReader& reader, std::string_view key, const std::vector<std::string>& texts) {
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (texts[i].empty()) reader.report(key, fmt::format("entry {} is empty", i));
    if (!is_printable(texts[i]))
      reader.report(key, fmt::format("control character in '{}'", escape(texts[i], 64)));
  }
}

SignalMatch read_signal(const Node& node, const std::string& path, ProblemList& problems) {
  ObjectReader reader(node, path, {"source", "rules", "tags", "minSeverity"}, problems);
  SignalMatch match;
  if (reader.string("source", match.source, Presence::kRequired) &&
      std::find(kKnownSources.begin(), kKnownSources.end(), match.source) == kKnownSources.end()) {
    reader.report("source",
                  fmt::format("unknown source '{}'; known: {}", escape(match.source, 64),
                              fmt::join(kKnownSources, ", ")),
                  suggest(match.source, {kKnownSources.begin(), kKnownSources.end()}));
  }
  reader.strings("rules", match.rules, Presence::kOptional, {.max_bytes = kMostGlobBytes});
  check_globs(reader, "rules", match.rules);
  reader.strings("tags", match.tags, Presence::kOptional, {.max_bytes = kMostGlobBytes});
  check_globs(reader, "tags", match.tags);
  reader.word<Severity>("minSeverity", match.min_severity,
                        {{"info", Severity::kInfo},
                         {"warning", Severity::kWarning},
                         {"error", Severity::kError},
                         {"critical", Severity::kCritical}});
  return match;
}

std::vector<SignalMatch> read_signals(ObjectReader& spec, ProblemList& problems) {
  const Node* const list = spec.array("signals", Presence::kRequired);
  if (!list) return {};
  if (list->items.empty()) spec.report("signals", "an empty list: nothing would start this playbook");
  if (list->items.size() > kMostSignals) {
    spec.report("signals",
                fmt::format("{} entries, at most {} are allowed", list->items.size(), kMostSignals));
    return {};
  }
  std::vector<SignalMatch> matches;
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    matches.push_back(read_signal(list->items[i], join_path(spec.path_of("signals"), i), problems));
  }
  return matches;
}

void read_targets(ObjectReader& spec, Playbook& playbook, ProblemList& problems) {
  const Node* const node = spec.object("targets");
  if (!node) return;
  ObjectReader reader(*node, spec.path_of("targets"), {"namespaceSelector", "podSelector"}, problems);
  if (const Node* const selector = reader.member("namespaceSelector")) {
    read_label_selector(*selector, reader.path_of("namespaceSelector"), playbook.namespace_selector,
                        problems);
  }
  if (const Node* const selector = reader.member("podSelector")) {
    read_label_selector(*selector, reader.path_of("podSelector"), playbook.pod_selector, problems);
  }
}

std::optional<unsigned> read_cap(ObjectReader& guards, std::string_view key) {
  std::int64_t value = 0;
  if (!guards.integer(key, value, {1, kMostTargets})) return std::nullopt;
  return unsigned(value);
}

/// "1%" to "100%".
std::optional<IntOrPercent> parse_percent(std::string_view text) {
  if (!text.ends_with('%')) return std::nullopt;
  text.remove_suffix(1);
  unsigned value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || value < 1 || value > 100) return std::nullopt;
  return IntOrPercent{value, true};
}

std::optional<IntOrPercent> read_max_unavailable(ObjectReader& guards) {
  constexpr std::string_view kKey = "maxUnavailable";
  const Node* const node = guards.member(kKey);
  if (!node) return std::nullopt;
  if (node->kind == Node::Kind::kNumber) {
    const auto value = read_cap(guards, kKey);
    return value ? std::optional(IntOrPercent{*value, false}) : std::nullopt;
  }
  auto percent = node->kind == Node::Kind::kString ? parse_percent(node->text) : std::nullopt;
  if (!percent) guards.report(kKey, "expected an integer from 1, or a percentage from 1% to 100%");
  return percent;
}

Guards read_guards(ObjectReader& spec, ProblemList& problems) {
  const Node* const node = spec.object("guards");
  if (!node) return {};
  ObjectReader reader(*node, spec.path_of("guards"),
                      {"maxTargetsPerWorkload", "maxTargetsPerMinute", "maxUnavailable"}, problems);
  Guards guards;
  guards.max_targets_per_workload = read_cap(reader, "maxTargetsPerWorkload");
  guards.max_targets_per_minute = read_cap(reader, "maxTargetsPerMinute");
  guards.max_unavailable = read_max_unavailable(reader);
  return guards;
}

void read_spec(const Node& node, Playbook& playbook, ProblemList& problems) {
  ObjectReader spec(node, "spec", {"signals", "mode", "targets", "guards", "steps"}, problems);
  playbook.signals = read_signals(spec, problems);
  spec.word<Mode>("mode", playbook.mode,
                  {{"observe", Mode::kObserve}, {"contain-only", Mode::kContainOnly}, {"full", Mode::kFull}});
  read_targets(spec, playbook, problems);
  playbook.guards = read_guards(spec, problems);
  const bool acts = playbook.mode != Mode::kObserve;
  const Node* const steps = spec.array("steps", acts ? Presence::kRequired : Presence::kOptional);
  if (!steps) return;
  if (acts && steps->items.empty()) spec.report("steps", "an empty list: this playbook would do nothing");
  playbook.steps = read_steps(*steps, spec.path_of("steps"), playbook.mode, problems);
}

/// The same spec has the same hash, whether it came from a file or from the API: keys are sorted.
std::string hash_of(const Node& spec, ProblemList& problems) {
  const auto json = to_json(spec);
  if (json) return sha256_hex(json->dump());
  problems.add(spec.position, "spec", json.error().message);
  return {};
}

void check_type(ObjectReader& document) {
  std::string word;
  if (document.string("apiVersion", word, Presence::kRequired) && word != kApiVersion) {
    document.report("apiVersion", fmt::format("expected {}, found '{}'", kApiVersion, escape(word, 64)));
  }
  if (document.string("kind", word, Presence::kRequired) && word != "Playbook") {
    document.report("kind", fmt::format("expected Playbook, found '{}'", escape(word, 64)));
  }
}

bool is_trust_policy(const Node& document) {
  const Node* const version = document.find("apiVersion");
  const Node* const kind = document.find("kind");
  return version && kind && version->text == kApiVersion && kind->text == "TrustPolicy";
}

void append(PlaybookSet&& from, const std::string& source, PlaybookSet& to) {
  for (Playbook& playbook : from.playbooks) {
    const bool is_known = std::any_of(to.playbooks.begin(), to.playbooks.end(),
                                      [&](const Playbook& other) { return other.name == playbook.name; });
    if (is_known) {
      to.problems.push_back(
          {source, "metadata.name", std::nullopt,
           fmt::format("a playbook '{}' was read before; this one is left out", playbook.name),
           "give it another name"});
    } else {
      to.playbooks.push_back(std::move(playbook));
    }
  }
  std::move(from.problems.begin(), from.problems.end(), std::back_inserter(to.problems));
}

PlaybookSet broken_file(const std::string& source, const Error& error) {
  PlaybookSet set;
  set.problems.push_back({source, "", std::nullopt, error.message, error.advice});
  return set;
}

}  // namespace

std::optional<Playbook> read_playbook(const Node& document, ProblemList& problems) {
  const std::size_t problems_before = problems.count();
  ObjectReader reader(document, "", {"apiVersion", "kind", "metadata", "spec", "status"}, problems);
  check_type(reader);
  Playbook playbook;
  if (const Node* const metadata = reader.object("metadata", Presence::kRequired)) {
    playbook.name = read_metadata(*metadata, problems);
  }
  if (const Node* const spec = reader.object("spec", Presence::kRequired)) {
    read_spec(*spec, playbook, problems);
    playbook.hash = hash_of(*spec, problems);
  }
  if (problems.count() != problems_before) return std::nullopt;
  return playbook;
}

PlaybookSet load_playbooks(std::string_view text, const std::string& source) {
  const auto documents = parse_yaml_documents(text, {.max_bytes = kMostFileBytes});
  if (!documents) return broken_file(source, documents.error());
  PlaybookSet set;
  for (const Node& document : *documents) {
    if (is_trust_policy(document)) continue;
    ProblemList problems(source);
    PlaybookSet one;
    if (auto playbook = read_playbook(document, problems)) one.playbooks.push_back(std::move(*playbook));
    one.problems = problems.all();
    append(std::move(one), source, set);
  }
  return set;
}

Result<PlaybookSet> load_directory(const std::string& directory) {
  const auto files = list_files(directory, {".yaml", ".yml"});
  if (!files) return tl::unexpected(files.error());
  PlaybookSet set;
  for (const std::string& file : *files) {
    const auto text = read_file(file, kMostFileBytes);
    append(text ? load_playbooks(*text, file) : broken_file(file, text.error()), file, set);
  }
  return set;
}

}  // namespace kintsugi::playbooks
