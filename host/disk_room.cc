// SPDX-License-Identifier: Apache-2.0
#include "host/disk_room.h"

#include <fmt/format.h>

#include <filesystem>
#include <set>

namespace kintsugi::host {

Result<void> check_room(const std::vector<LayerNeed>& needs, const evidence::AskDiskSpace& ask) {
  std::uint64_t sum = 0;
  std::set<std::string> folders;
  for (const LayerNeed& need : needs) {
    sum += need.bytes;
    folders.insert(std::filesystem::path(need.layer.layer).parent_path().string());
  }
  for (const std::string& folder : folders) {
    const auto space = ask(folder);
    if (!space) return fail(space.error());
    const std::uint64_t kept_free = evidence::bytes_to_leave_free(*space);
    if (space->free_bytes >= kept_free && space->free_bytes - kept_free >= sum) continue;
    return fail(
        make_error(ErrorCode::kTooLarge,
                   fmt::format("layers may need {} bytes; the disk has {} free, of which {} stay free", sum,
                               space->free_bytes, kept_free))
            .on(folder)
            .advise("pause the machine, or make room"));
  }
  return {};
}

}  // namespace kintsugi::host
