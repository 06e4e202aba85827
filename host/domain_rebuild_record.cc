// SPDX-License-Identifier: Apache-2.0
#include "host/domain_rebuild_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/document.h"
#include "base/escape.h"
#include "base/json_text.h"
#include "host/domain_steps.h"

namespace kintsugi::host {
namespace {

using nlohmann::json;

constexpr std::size_t kShownPathBytes = 200;
constexpr char kStart[] = "redeploy/start";
constexpr unsigned kMostStarts = 1000;

json to_json(const targets::LeftDisk& disk) {
  return {{"target", disk.target},
          {"type", disk.type},
          {"source", disk.source},
          {"format", disk.format},
          {"wasRoot", disk.was_root}};
}

std::string body_of(const targets::RebuildMark& mark) {
  json body = {{"image", mark.image},     {"digest", mark.digest}, {"golden", mark.golden},
               {"overlay", mark.overlay}, {"seed", mark.seed},     {"left", json::array()}};
  for (const targets::LeftDisk& disk : mark.disks) body["left"].push_back(to_json(disk));
  // Sources may be any bytes that XML can hold.
  return json_text(body);
}

const JournalEntry* find_entry(const Incident& incident, std::string_view id) {
  const auto& journal = incident.status.journal;
  const auto found = std::find_if(journal.begin(), journal.end(),
                                  [&](const JournalEntry& entry) { return entry.action.id == id; });
  return found == journal.end() ? nullptr : &*found;
}

/// Nothing where a value is not of its kind: somebody has edited the database.
std::optional<targets::LeftDisk> read_left(const json& disk) {
  if (!disk.is_object()) return std::nullopt;
  targets::LeftDisk read;
  for (const auto& [name, place] : {std::pair("target", &read.target), std::pair("type", &read.type),
                                    std::pair("source", &read.source), std::pair("format", &read.format)}) {
    const json value = disk.value(name, json(""));
    if (!value.is_string()) return std::nullopt;
    *place = value.get<std::string>();
  }
  const json was_root = disk.value("wasRoot", json(false));
  if (!was_root.is_boolean()) return std::nullopt;
  read.was_root = was_root.get<bool>();
  return read;
}

/// Nothing where a number is not one.
std::optional<FileIdentity> read_identity(const json& file) {
  if (!file.is_object()) return std::nullopt;
  const json device = file.value("device", json());
  const json inode = file.value("inode", json());
  if (!device.is_number_integer() || !inode.is_number_integer()) return std::nullopt;
  return FileIdentity{device.get<std::uint64_t>(), inode.get<std::uint64_t>()};
}

}  // namespace

Action rebuild_action(const TargetRef& target, const targets::RebuildMark& mark) {
  Action action = action_about(target, std::string(kRebuild),
                               fmt::format("start domain {} anew from {} ({})", escape(target.name, 64),
                                           escape(mark.image, kShownPathBytes), escape(mark.digest, 80)));
  action.body = body_of(mark);
  return action;
}

Action start_action(const TargetRef& target, const StartRecord& record) {
  Action action = action_about(
      target, kStart,
      fmt::format("start the rebuilt domain {}: {} times", escape(target.name, 64), record.starts));
  json body = {{"starts", record.starts}};
  if (record.image) body["image"] = {{"device", record.image->device}, {"inode", record.image->inode}};
  action.body = json_text(body);
  return action;
}

StartRecord starts_of(const Incident& incident) {
  const JournalEntry* entry = find_entry(incident, kStart);
  if (entry == nullptr) return {};
  const json body = parse_json(entry->action.body).value_or(nullptr);
  const json starts = body.is_object() ? body.value("starts", json()) : json();
  // Somebody has edited the database: nothing is started without asking.
  if (!starts.is_number_integer()) return {kMostStarts, std::nullopt};
  const auto number = starts.get<std::int64_t>();
  return {number < 0 || number > kMostStarts ? kMostStarts : unsigned(number),
          read_identity(body.value("image", json()))};
}

bool has_begun_rebuild(const Incident& incident) {
  return find_entry(incident, kRebuild) != nullptr;
}

bool is_journaled(const Incident& incident, const targets::RebuildMark& mark) {
  const JournalEntry* entry = find_entry(incident, kRebuild);
  return entry != nullptr && entry->action.body == body_of(mark);
}

std::vector<targets::LeftDisk> left_disks(const Incident& incident) {
  std::vector<targets::LeftDisk> disks;
  const JournalEntry* entry = find_entry(incident, kRebuild);
  if (entry == nullptr) return disks;
  const json body = parse_json(entry->action.body).value_or(nullptr);
  const auto left = body.is_object() ? body.find("left") : body.end();
  if (left == body.end() || !left->is_array()) return disks;
  for (const json& disk : *left) {
    if (auto read = read_left(disk)) disks.push_back(*std::move(read));
  }
  return disks;
}

std::string describe(const std::vector<targets::LeftDisk>& disks) {
  std::string text;
  for (const targets::LeftDisk& disk : disks) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", escape(disk.target, 32),
                        escape(disk.source, kShownPathBytes));
  }
  return text;
}

}  // namespace kintsugi::host
