// SPDX-License-Identifier: Apache-2.0
//
// What becomes of the breached machine's root disk, when the playbook has it deleted: after its retention,
// and only as a person approves. Data disks are never deleted.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "base/escape.h"
#include "host/domain_rebuild_record.h"
#include "host/domain_steps.h"
#include "host/files_in_use.h"
#include "targets/libvirt/domain_disks.h"

namespace kintsugi::host {
namespace {

using controller::step_done;
using controller::step_waits;

constexpr char kDisposalQuestion[] = "release/dispose";

/// Why the file may not be deleted; empty: it may.
std::string objection(const targets::LeftDisk& disk, const FilesInUse& in_use) {
  if (disk.type != "file" || disk.source.empty() || disk.source.front() != '/')
    return "it is no file of this host";
  struct stat found{};
  if (::lstat(disk.source.c_str(), &found) != 0) return "it is not there";
  if (!S_ISREG(found.st_mode)) return "it is no regular file";
  if (in_use.files.contains({found.st_dev, found.st_ino})) return "a domain uses it";
  if (!in_use.unknown.empty()) return "it cannot be told whether a domain uses it (" + in_use.unknown + ")";
  return "";
}

Action disposal_of(const TargetRef& target, const targets::LeftDisk& disk) {
  Action action;
  action.id = controller::kDisposal;
  action.kind = Action::Kind::kDelete;
  action.resource = "files";
  action.name_space = target.name_space;
  action.name = disk.source;
  action.description = fmt::format("delete the breached disk {} of domain {}", escape(disk.source, 200),
                                   escape(target.name, 64));
  return action;
}

StepResult remove(IncidentWork& work, const targets::LeftDisk& disk, const FilesInUse& in_use) {
  const Action action = disposal_of(work.target(), disk);
  const std::string why_not = objection(disk, in_use);
  // After a crash in between it is gone.
  const bool is_gone = why_not == "it is not there";
  if (!why_not.empty() && !is_gone) {
    work.note("Not deleted, because " + why_not + ": " + action.name);
    return step_done();
  }
  if (auto waits = controller::plan_before_sending(work, action)) return *waits;
  std::error_code failed;
  // What was written after the containment is in a layer above it, where evidence was kept.
  const std::string layer = targets::layer_path(disk.source, work.incident().name);
  if (objection({disk.target, disk.type, layer, disk.format, disk.was_root}, in_use).empty())
    std::filesystem::remove(layer, failed);
  if (!failed) std::filesystem::remove(disk.source, failed);
  if (failed) {
    work.note("Could not " + action.description + ": " + failed.message());
    return step_done();
  }
  if (auto kept = work.journal(action, JournalEntry::State::kApplied); !kept) return fail(kept.error());
  work.note("Done: " + action.description);
  return step_done();
}

}  // namespace

StepResult DomainSteps::dispose_of_victim(IncidentWork& work) const {
  if (!controller::awaits_disposal(work.incident(), work.playbook()) || work.mode() < Mode::kFull)
    return step_done();
  const auto left = left_disks(work.incident());
  const auto root =
      std::find_if(left.begin(), left.end(), [](const targets::LeftDisk& disk) { return disk.was_root; });
  if (root == left.end()) return step_done();
  const WallTime due = *work.status().times.closed + work.playbook()->step<ReleaseStep>()->after;
  if (work.now() < due) return step_waits(due - work.now());
  const Approval* decision =
      work.ask("release", kDisposalQuestion,
               fmt::format("the breached disk {} is due to be deleted: approve, or deny to keep it",
                           escape(root->source, 200)));
  if (decision == nullptr) return step_waits();
  work.settle("release", {});
  if (!decision->approved) return step_done();
  const auto in_use = files_in_use(domains_.hypervisor);
  if (!in_use) return fail(in_use.error());
  return remove(work, *root, *in_use);
}

}  // namespace kintsugi::host
