// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "base/encoding.h"
#include "base/escape.h"
#include "base/file.h"
#include "evidence/regular_file.h"
#include "evidence/store.h"

namespace kintsugi::evidence {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxManifestBytes = 1u << 20;
constexpr std::size_t kSmallBytes = 64u << 10;
constexpr std::chrono::minutes kMeasureAgain{5};

/// Names come from pods and containers, which attackers may name: only plain relative paths are taken.
bool is_plain_path(const std::string& path) {
  if (path.empty() || path.size() > 512 || path.front() == '/') return false;
  if (path.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./") !=
      std::string::npos) {
    return false;
  }
  for (const fs::path& part : fs::path(path)) {
    if (part == ".." || part == "." || part.empty()) return false;
  }
  return true;
}

/// Of all regular files but those that `is_left_out`.
std::uint64_t bytes_below(const fs::path& folder, const std::function<bool(const fs::path&)>& is_left_out) {
  std::uint64_t total = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    const bool counts = it->symlink_status(ignored).type() == fs::file_type::regular;
    if (!counts || is_left_out(it->path())) continue;
    const std::uintmax_t size = it->file_size(ignored);
    if (!ignored) total += size;  // else it went meanwhile
  }
  return total;
}

bool is_dump(const fs::path& file) {
  return file.parent_path().filename() == kDumpFolder;
}

struct Mount {
  std::string root, point, type;
};

/// One line of mountinfo (proc(5)): "36 35 98:0 /root /point opts tags - type source super".
Mount parse_mount(const std::string& line) {
  std::istringstream in(line);
  std::string skip;
  Mount mount;
  in >> skip >> skip >> skip >> mount.root >> mount.point;
  while (in >> skip && skip != "-") {
  }
  in >> mount.type;
  return mount;
}

bool is_below(std::string_view directory, std::string_view point) {
  if (point == "/") return true;
  return directory.starts_with(point) && (directory.size() == point.size() || directory[point.size()] == '/');
}

}  // namespace

bool is_durable_mount(std::string_view mountinfo, std::string_view directory) {
  Mount nearest;
  std::istringstream lines{std::string(mountinfo)};
  for (std::string line; std::getline(lines, line);) {
    Mount mount = parse_mount(line);
    // A later mount at the same point hides the earlier one.
    if (is_below(directory, mount.point) && mount.point.size() >= nearest.point.size())
      nearest = std::move(mount);
  }
  if (nearest.type == "tmpfs" || nearest.type == "ramfs") return false;
  if (nearest.root.find("kubernetes.io~empty-dir") != std::string::npos) return false;
  return !(nearest.point == "/" && nearest.type == "overlay");
}

DirectoryStore::DirectoryStore(std::string directory, Budget budget, const Clock& clock, AskDiskSpace ask)
    : directory_(std::move(directory)), budget_(budget), clock_(clock), ask_(std::move(ask)) {}

void DirectoryStore::measure() {
  if (measured_ && clock_.monotonic() < *measured_ + kMeasureAgain) return;
  std::error_code error;
  used_bytes_ = bytes_below(fs::absolute(directory_, error),
                            [&](const fs::path& file) { return rooms_.contains(file); });
  for (const auto& [path, bytes] : rooms_) used_bytes_ += bytes;
  limit_bytes_ = budget_.total_bytes != 0 ? budget_.total_bytes : is_durable() ? 0 : kNotDurableBytes;
  measured_ = clock_.monotonic();
}

Result<void> DirectoryStore::reserve(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  measure();
  const std::uint64_t open = bytes <= kSmallBytes ? limit_bytes_ : limit_bytes_ - limit_bytes_ / 8;
  if (limit_bytes_ != 0 && used_bytes_ + bytes > open) {
    return fail(
        make_error(ErrorCode::kTooLarge,
                   fmt::format("the evidence of all incidents has {} of {} bytes", used_bytes_, limit_bytes_))
            .on(directory_)
            .advise("move the evidence of closed incidents away, or raise --evidence-max-bytes"));
  }
  used_bytes_ += bytes;
  return {};
}

void DirectoryStore::give_back(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  used_bytes_ -= std::min(bytes, used_bytes_);
}

Result<File> DirectoryStore::put(const std::string& incident, const std::string& path,
                                 std::string_view content, std::string_view collector) {
  const bool is_in_dumps =
      fs::path(path).begin() != fs::path(path).end() && *fs::path(path).begin() == kDumpFolder;
  if (!is_plain_path(incident) || !is_plain_path(path) || is_in_dumps) {
    return fail(ErrorCode::kInvalidInput, "not a plain path for evidence: " + escape(path, 64));
  }
  const fs::path folder = fs::path(directory_) / incident;
  const fs::path file = folder / path;
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  if (error) {
    return fail(make_error(ErrorCode::kInternal, "cannot create: " + error.message())
                    .on(file.parent_path().string())
                    .advise("check that the evidence directory exists and is writable"));
  }
  if (bytes_below(folder, is_dump) + content.size() > budget_.per_incident_bytes) {
    return fail(make_error(ErrorCode::kTooLarge,
                           fmt::format("over the budget of {} bytes an incident", budget_.per_incident_bytes))
                    .on(file.string()));
  }
  const std::uintmax_t before = fs::file_size(file, error);
  const std::uint64_t replaced = error ? 0 : before;
  if (auto reserved = reserve(content.size()); !reserved) return tl::unexpected(std::move(reserved).error());
  if (auto written = write_file_durably(file.string(), content); !written) {
    give_back(content.size());
    return tl::unexpected(std::move(written).error());
  }
  give_back(replaced);
  return File{path, sha256_hex(content), content.size(), std::string(collector), clock_.now(), false};
}

Result<File> DirectoryStore::find_file(const std::string& incident, const std::string& path,
                                       std::string_view collector, std::stop_token stop) {
  if (!is_plain_path(incident) || !is_plain_path(path))
    return fail(ErrorCode::kInvalidInput, "not a plain path for evidence: " + escape(path, 64));
  const auto file = RegularFile::open((fs::path(directory_) / incident / path).string());
  if (!file) return tl::unexpected(file.error());
  const auto bytes = file->bytes();
  if (!bytes) return tl::unexpected(bytes.error());
  const auto modified = file->modified();
  if (!modified) return tl::unexpected(modified.error());
  auto hash = file->sha256([&] { return !stop.stop_requested(); });
  if (!hash) return tl::unexpected(std::move(hash).error());
  return File{path, *std::move(hash), *bytes, std::string(collector), *modified, false};
}

Result<std::string> DirectoryStore::finish(const Manifest& manifest) {
  const std::string text = to_text(manifest);
  if (auto kept = put(manifest.incident, "manifest.json", text, "manifest"); !kept) {
    return tl::unexpected(std::move(kept).error());
  }
  return sha256_hex(text);
}

Result<Manifest> DirectoryStore::find(const std::string& incident) {
  if (!is_plain_path(incident)) return fail(ErrorCode::kInvalidInput, "not an incident's name");
  auto text = read_file(location(incident) + "/manifest.json", kMaxManifestBytes);
  if (!text) return tl::unexpected(std::move(text).error());
  return parse_manifest(*text);
}

std::string DirectoryStore::location(const std::string& incident) const {
  return (fs::path(directory_) / incident).string();
}

bool DirectoryStore::is_durable() const {
  std::error_code error;
  const fs::path absolute = fs::weakly_canonical(fs::absolute(directory_), error);
  const auto mountinfo = read_file("/proc/self/mountinfo", kMaxManifestBytes);
  return !error && mountinfo && is_durable_mount(*mountinfo, absolute.string());
}

}  // namespace kintsugi::evidence
