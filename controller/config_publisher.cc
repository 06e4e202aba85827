// SPDX-License-Identifier: Apache-2.0
#include "controller/config_publisher.h"

#include <utility>

#include "base/document.h"
#include "base/file.h"

namespace kintsugi::controller {
namespace {

constexpr std::size_t kMaxFileBytes = 1u << 20;

}  // namespace

ConfigPublisher::ConfigPublisher(const Settings& settings, PlaybookBook& book, Logger& log,
                                 trust::ObjectTextReader read_object, std::function<void()> changed)
    : settings_(settings),
      book_(book),
      log_(log),
      changed_(std::move(changed)),
      keys_(std::move(read_object)) {}

void ConfigPublisher::report(const Problem& problem, ConfigDocuments& documents) {
  const std::string text = problem.to_string();
  documents.problems.insert(text);
  if (!reported_.contains(text)) log_.error("Not used", {{"problem", text}});
}

void ConfigPublisher::read_files(ConfigDocuments& documents) {
  if (!settings_.playbooks_directory.empty()) read_playbook_files(documents);
  for (const Playbook& playbook : file_playbooks_)
    documents.playbooks.insert_or_assign(playbook.name, playbook);
  if (!settings_.trust_policies_directory.empty()) read_policy_files(documents);
  for (const auto& [name, spec] : file_policies_) documents.policies.insert_or_assign(name, spec);
}

void ConfigPublisher::report_directory(const std::string& directory, const Error& error,
                                       ConfigDocuments& documents) {
  report(Problem{directory, "", {}, error.message + "; what was read of it last stays in force", ""},
         documents);
}

void ConfigPublisher::read_playbook_files(ConfigDocuments& documents) {
  auto set = playbooks::load_directory(settings_.playbooks_directory);
  if (!set) return report_directory(settings_.playbooks_directory, set.error(), documents);
  for (const Problem& problem : set->problems) report(problem, documents);
  file_playbooks_ = std::move(set->playbooks);
}

void ConfigPublisher::read_policy_files(ConfigDocuments& documents) {
  const auto files = list_files(settings_.trust_policies_directory, {".yaml", ".yml"});
  if (!files) return report_directory(settings_.trust_policies_directory, files.error(), documents);
  file_policies_.clear();
  for (const std::string& file : *files) read_policy_file(file, documents);
}

void ConfigPublisher::read_policy_file(const std::string& file, ConfigDocuments& documents) {
  const auto text = read_file(file, kMaxFileBytes);
  const auto parsed =
      text ? parse_yaml_documents(*text) : Result<std::vector<Node>>(tl::unexpected(text.error()));
  if (!parsed) return report(Problem{file, "", {}, parsed.error().message, ""}, documents);
  for (const Node& document : *parsed) {
    ProblemList problems(file);
    auto spec = trust::parse_trust_policy(document, problems);
    for (const Problem& problem : problems.all()) report(problem, documents);
    if (problems.empty()) file_policies_.insert_or_assign(spec.name, std::move(spec));
  }
}

/// Where a file cannot be used, what was read last stays.
void ConfigPublisher::read_trusted_roots() {
  auto roots = trust::read_trusted_roots(settings_.trusted_root_files);
  std::string trouble = roots ? "" : roots.error().to_string();
  if (roots) trusted_roots_ = std::move(*roots);
  if (trouble != roots_trouble_ && !trouble.empty())
    log_.warning("The trusted roots are as they were read last", {{"error", trouble}});
  roots_trouble_ = std::move(trouble);
}

void ConfigPublisher::publish(ConfigDocuments documents) {
  reported_ = std::move(documents.problems);
  std::string signature;
  std::vector<Playbook> loaded;
  for (auto& [name, playbook] : documents.playbooks) {
    signature += name + "=" + playbook.hash + ";";
    loaded.push_back(std::move(playbook));
  }
  read_trusted_roots();
  std::vector<trust::TrustPolicy> resolved;
  std::map<std::string, std::string> now_stale;
  for (auto& [name, spec] : documents.policies) {
    std::string trouble;
    resolved.push_back(trust::resolve_references(
        std::move(spec), [&](const trust::TextReference& reference) { return keys_.get(reference, trouble); },
        trusted_roots_));
    if (trouble.empty()) continue;
    if (!stale_keys_.contains(name))
      log_.warning("A key is as it was read last", {{"trustPolicy", name}, {"error", trouble}});
    now_stale.emplace(name, std::move(trouble));
  }
  stale_keys_ = std::move(now_stale);
  for (const trust::TrustPolicy& policy : resolved) {
    signature += policy.spec.name + "=" + policy.hash + (policy.defect ? "!" : "") + ";";
  }
  if (signature == published_) return;
  published_ = std::move(signature);
  log_.info("Configuration loaded", {{"playbooks", std::to_string(loaded.size())},
                                     {"trustPolicies", std::to_string(resolved.size())}});
  book_.set_playbooks(std::move(loaded));
  book_.set_policies(std::move(resolved));
  changed_();
}

}  // namespace kintsugi::controller
