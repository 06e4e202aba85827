// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/escape.h"
#include "evidence/regular_file.h"
#include "evidence/store.h"

namespace kintsugi::evidence {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLeastFreeBytes = 1ull << 30;
constexpr std::uint64_t kFreePart = 20;
/// Nothing with this ending is evidence.
constexpr char kUnfinished[] = ".unfinished";

bool is_plain_name(const std::string& name) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  return !name.empty() && name.size() <= 128 && name.front() != '.' && !name.ends_with(kUnfinished) &&
         name.find_first_not_of(kAllowed) == std::string::npos;
}

/// Only its owner, and root, get at what is in it.
Result<void> make_private_directory(const fs::path& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (!error) fs::permissions(directory, fs::perms::owner_all, error);
  if (!error) return {};
  return fail(make_error(ErrorCode::kInternal, "cannot create: " + error.message())
                  .on(directory.string())
                  .advise("check that the evidence directory exists and is writable"));
}

std::uint64_t size_of(const fs::path& file) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(file, error);
  return error ? 0 : size;
}

}  // namespace

Result<DiskSpace> disk_space(const std::string& directory) {
  struct statvfs found{};
  if (::statvfs(directory.c_str(), &found) != 0)
    return fail(
        make_error(ErrorCode::kInternal, std::string("cannot ask for free space: ") + std::strerror(errno))
            .on(directory));
  return DiskSpace{std::uint64_t(found.f_bavail) * found.f_frsize,
                   std::uint64_t(found.f_blocks) * found.f_frsize};
}

std::uint64_t bytes_to_leave_free(const DiskSpace& space) {
  return std::max(space.total_bytes / kFreePart, kLeastFreeBytes);
}

/// In the store's directory; the store outlives it.
class DirectoryStore::Expected final : public ExpectedFile {
 public:
  Expected(DirectoryStore& store, fs::path final_path, std::uint64_t bytes)
      : store_(store),
        final_path_(std::move(final_path)),
        path_(final_path_.string() + kUnfinished),
        bytes_(bytes) {}

  ~Expected() override {
    if (is_adopted_) return;
    std::error_code ignored;
    fs::remove(path_, ignored);
    store_.end_room(path_, 0);
  }

  const std::string& path() const override { return path_; }

  Result<File> adopt(std::string_view collector, std::stop_token stop) override {
    const auto file = RegularFile::open(path_);
    if (!file) return fail(file.error());
    const auto size = file->bytes();
    if (!size) return fail(size.error());
    if (*size == 0) return fail(make_error(ErrorCode::kInvalidInput, "nothing was written").on(path_));
    if (*size > bytes_) {
      return fail(make_error(ErrorCode::kTooLarge,
                             fmt::format("it has {} bytes, and there was room for {}", *size, bytes_))
                      .on(path_));
    }
    auto hash = file->sha256([&] { return !stop.stop_requested(); });
    if (!hash) return fail(std::move(hash).error());
    if (auto flushed = file->flush(); !flushed) return fail(std::move(flushed).error());
    const std::uint64_t replaced = size_of(final_path_);
    if (auto renamed = rename_durably(path_, final_path_.string()); !renamed)
      return fail(std::move(renamed).error());
    is_adopted_ = true;
    store_.end_room(path_, *size);
    store_.give_back(replaced);
    return File{fmt::format("{}/{}", kDumpFolder, final_path_.filename().string()),
                *std::move(hash),
                *size,
                std::string(collector),
                store_.clock_.now(),
                false};
  }

 private:
  DirectoryStore& store_;
  const fs::path final_path_;
  const std::string path_;
  const std::uint64_t bytes_;
  bool is_adopted_ = false;
};

Result<std::unique_ptr<ExpectedFile>> DirectoryStore::expect_file(const std::string& incident,
                                                                  const std::string& name,
                                                                  std::uint64_t bytes) {
  if (!is_plain_name(incident) || !is_plain_name(name))
    return fail(ErrorCode::kInvalidInput, "not a plain name for evidence: " + escape(name, 64));
  std::error_code error;
  const fs::path folder = fs::absolute(fs::path(directory_), error) / incident / kDumpFolder;
  if (error) return fail(make_error(ErrorCode::kInternal, error.message()).on(directory_));
  if (auto made = make_private_directory(folder); !made) return fail(std::move(made).error());
  const std::string unfinished = (folder / name).string() + kUnfinished;
  if (is_expected(unfinished))
    return fail(make_error(ErrorCode::kConflict, "it is being written already").on(unfinished));
  fs::remove(unfinished, error);
  if (auto kept = keep_room(unfinished, bytes); !kept) return fail(std::move(kept).error());
  auto expected = std::make_unique<Expected>(*this, folder / name, bytes);
  if (auto made = make_file_for_others(expected->path()); !made) return fail(std::move(made).error());
  return expected;
}

Result<void> DirectoryStore::keep_room(const std::string& path, std::uint64_t bytes) {
  const fs::path folder = fs::path(path).parent_path();
  std::uint64_t present = 0;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    present += size_of(it->path());
  if (present + bytes > budget_.per_incident_dump_bytes) {
    return fail(
        make_error(ErrorCode::kTooLarge, fmt::format("{} bytes are needed, and an incident may have {}",
                                                     present + bytes, budget_.per_incident_dump_bytes))
            .on(folder.string())
            .advise("raise --evidence-memory-max-bytes"));
  }
  const auto space = ask_(directory_);
  if (!space) return fail(space.error());
  {
    const std::lock_guard lock(mutex_);
    std::uint64_t promised = bytes_to_leave_free(*space);
    for (const auto& [other, room] : rooms_) promised += room - std::min(room, size_of(other));
    if (space->free_bytes < promised || space->free_bytes - promised < bytes) {
      return fail(make_error(ErrorCode::kTooLarge,
                             fmt::format("{} bytes are needed; the disk has {} free, of which {} stay free",
                                         bytes, space->free_bytes, promised))
                      .on(directory_)
                      .advise("move the evidence of closed incidents away"));
    }
  }
  if (auto reserved = reserve(bytes); !reserved) return reserved;
  const std::lock_guard lock(mutex_);
  rooms_[path] = bytes;
  return {};
}

bool DirectoryStore::is_expected(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return rooms_.contains(path);
}

void DirectoryStore::end_room(const std::string& path, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto room = rooms_.find(path);
  if (room == rooms_.end()) return;
  used_bytes_ -= std::min(room->second, used_bytes_);
  used_bytes_ += bytes;
  rooms_.erase(room);
}

}  // namespace kintsugi::evidence
