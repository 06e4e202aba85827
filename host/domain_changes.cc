// SPDX-License-Identifier: Apache-2.0
#include "host/domain_changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/document.h"
#include "base/json_text.h"

namespace kintsugi::host {
namespace {

using targets::DomainParts;
using targets::PartChanges;

constexpr char kParts[] = "contain/parts";
constexpr char kRunning[] = "running";
constexpr char kStored[] = "startsFrom";
constexpr std::size_t kShownChanges = 6;

const JournalEntry* find_parts(const Incident& incident) {
  const auto& journal = incident.status.journal;
  const auto found = std::find_if(journal.begin(), journal.end(),
                                  [](const JournalEntry& entry) { return entry.action.id == kParts; });
  return found == journal.end() || found->action.body.empty() ? nullptr : &*found;
}

/// Nothing: it is not known how that side was.
std::optional<DomainParts> read_parts(const JournalEntry& entry, const char* side) {
  const nlohmann::json body = parse_json(entry.action.body).value_or(nullptr);
  if (!body.is_object() || !body.contains(side) || !body[side].is_object()) return std::nullopt;
  DomainParts parts;
  for (const auto& [name, digest] : body[side].items()) {
    if (digest.is_string()) parts.emplace(name, digest.get<std::string>());
  }
  return parts;
}

void keep(IncidentWork& work, std::string body) {
  Action action = action_about(work.target(), kParts,
                               "keep what domain " + work.target().name + " is made of while it is isolated");
  action.body = std::move(body);
  // Where the journal is full nobody is told of changes; they are mended all the same.
  (void)work.journal(action, JournalEntry::State::kApplied);
}

void add(std::vector<std::string>& said, const std::vector<std::string>& parts, const char* what) {
  for (const std::string& part : parts) said.push_back(fmt::format("{} was {}", part, what));
}

void note(IncidentWork& work, const char* where, const PartChanges& changes) {
  std::vector<std::string> said;
  add(said, changes.added, "added");
  add(said, changes.changed, "changed");
  add(said, changes.removed, "taken away");
  if (said.empty()) return;
  const std::size_t more = said.size() > kShownChanges ? said.size() - kShownChanges : 0;
  said.resize(said.size() - more);
  work.note(fmt::format("Somebody has changed {}: {}{}", where, fmt::join(said, ", "),
                        more == 0 ? "" : fmt::format(" and {} more", more)));
}

bool is_way_out(const std::string& part) {
  return !part.starts_with("disk ");
}

}  // namespace

bool note_changes(IncidentWork& work, const targets::DomainObservation& domain) {
  bool has_way_out = false;
  const JournalEntry* known = find_parts(work.incident());
  auto body = parse_json(known == nullptr ? "{}" : known->action.body).value_or(nullptr);
  if (!body.is_object()) body = nlohmann::json::object();
  if (domain.live) {
    const DomainParts now = parts_of_running(*domain.live);
    if (const auto before = known == nullptr ? std::nullopt : read_parts(*known, kRunning)) {
      PartChanges changes = targets::compare(*before, now);
      has_way_out = std::any_of(changes.added.begin(), changes.added.end(), is_way_out);
      // Passages go because isolation takes them, when the guest gets round to it.
      std::erase_if(changes.removed, [](const std::string& part) {
        return is_way_out(part) && !part.starts_with("network card ");
      });
      note(work, "the running domain", changes);
    }
    body[kRunning] = now;
  }
  if (domain.persistent) {
    if (const auto before = known == nullptr ? std::nullopt : read_parts(*known, kStored))
      note(work, "what the domain starts from", targets::compare(*before, domain.parts));
    body[kStored] = domain.parts;
  }
  std::string text = json_text(body);
  if (known == nullptr || known->action.body != text) keep(work, std::move(text));
  return has_way_out;
}

void expect_changes(IncidentWork& work) {
  if (find_parts(work.incident()) != nullptr) keep(work, "");
}

}  // namespace kintsugi::host
