// SPDX-License-Identifier: Apache-2.0
#include "host/images/image_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "base/durable_file.h"
#include "base/encoding.h"
#include "base/regular_file.h"
#include "trust/crypto/hash.h"
#include "trust/crypto/refusal.h"
#include "trust/disk/qcow2.h"

namespace kintsugi::host {
namespace {

namespace reason = trust::reason;

constexpr std::array<std::string_view, 2> kFormats = {"qcow2", "raw"};
constexpr std::string_view kUnfinished = ".partial";
constexpr mode_t kDirectoryMode = 0711;
constexpr mode_t kImageMode = 0444;
/// How much is written between two looks at the space that is left.
constexpr std::uint64_t kLookAfterBytes = 16u << 20;

Error not_enough_space(const std::string& path) {
  return make_error(ErrorCode::kUnavailable, "there is not enough space for the image, and 1 GiB beside it")
      .on(path)
      .advise("remove what is not needed, or set --images-dir to a larger file system")
      .because(reason::kNotEnoughSpace);
}

Error cancelled() {
  return make_error(ErrorCode::kCancelled, "stopped").because(reason::kCancelled);
}

Error timed_out() {
  return make_error(ErrorCode::kTimeout, "the image was not complete before the deadline")
      .because(reason::kSourceUnavailable);
}

/// What the bytes of one image are, all from one pass over them.
class Content {
 public:
  void add(std::string_view piece) {
    hasher_.update(piece);
    size_ += piece.size();
    head_.append(piece.substr(0, trust::kQcow2HeadBytes - head_.size()));
  }
  std::uint64_t size() const { return size_; }
  /// Call once.
  Result<trust::DiskImage> check(const trust::Digest& digest) {
    const std::string got = "sha256:" + hex_encode(hasher_.finish());
    if (got != digest.text()) {
      return trust::refuse(reason::kDigestMismatch,
                           fmt::format("its content is {} and not {}", got, digest.text()));
    }
    return trust::check_disk_image(head_, size_);
  }

 private:
  trust::Hasher hasher_{trust::HashAlgorithm::kSha256};
  std::uint64_t size_ = 0;
  std::string head_;
};

class Sink final : public ImageSink {
 public:
  /// References must outlive the sink.
  Sink(UnfinishedFile& file, const std::function<Result<std::uint64_t>()>& free_bytes, const Clock& clock,
       const trust::Call& call, const std::string& path)
      : file_(file), free_bytes_(free_bytes), clock_(clock), call_(call), path_(path) {}

  Result<void> expect(std::uint64_t bytes) override {
    expected_ = bytes;
    return check_space(bytes);
  }

  Result<void> write(std::string_view piece) override {
    if (call_.stop.stop_requested()) return fail(cancelled());
    if (clock_.monotonic() >= call_.deadline) return fail(timed_out().on(path_));
    if (expected_ && content_.size() + piece.size() > *expected_) {
      return fail(trust::refuse(reason::kDigestMismatch, "there is more of it than was said before")
                      .value()
                      .on(path_));
    }
    if (content_.size() >= next_look_) {
      next_look_ = content_.size() + kLookAfterBytes;
      if (auto space = check_space(piece.size()); !space) return space;
    }
    content_.add(piece);
    return file_.write(piece);
  }

  Content& content() { return content_; }

 private:
  Result<void> check_space(std::uint64_t needed) const {
    const auto free = free_bytes_();
    if (!free) return fail(free.error());
    if (*free >= ImageDirectory::kReserveBytes && *free - ImageDirectory::kReserveBytes >= needed) return {};
    return fail(not_enough_space(path_));
  }

  UnfinishedFile& file_;
  const std::function<Result<std::uint64_t>()>& free_bytes_;
  const Clock& clock_;
  const trust::Call& call_;
  const std::string& path_;
  Content content_;
  std::optional<std::uint64_t> expected_;
  std::uint64_t next_look_ = 0;
};

Result<void> check_directory(const std::string& path) {
  const Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory.is_open() && (errno == ENOTDIR || errno == ELOOP))
    return fail(make_error(ErrorCode::kInvalidInput, "it is no directory").on(path));
  if (!directory.is_open()) return fail(system_error("open", path, errno));
  struct stat status{};
  if (::fstat(directory.get(), &status) != 0) return fail(system_error("look at", path, errno));
  if (status.st_uid != ::geteuid() || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return fail(make_error(ErrorCode::kForbidden, "images have to be in a directory that only we write to")
                    .on(path)
                    .advise("let it be ours, with mode 0711"));
  }
  if (::fchmod(directory.get(), kDirectoryMode) == 0) return {};
  return fail(system_error("set the mode of", path, errno));
}

/// Names of what is directly in a directory.
Result<std::vector<std::string>> list_names(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator it(path, error), end; !error && it != end; it.increment(error))
    names.push_back(it->path().filename().string());
  if (error) return fail(system_error("list", path, error.value()));
  return names;
}

}  // namespace

Result<std::uint64_t> free_bytes_of(const std::string& directory) {
  struct statvfs status{};
  if (::statvfs(directory.c_str(), &status) != 0)
    return fail(system_error("look for space in", directory, errno));
  return std::uint64_t(status.f_bavail) * std::uint64_t(status.f_frsize);
}

/// One caller's right to look for an image and to bring it.
class ImageDirectory::Turn {
 public:
  Turn(ImageDirectory& directory, const trust::Digest& digest) : directory_(directory), digest_(digest) {}
  ~Turn() {
    if (!is_taken_) return;
    {
      const std::lock_guard lock(directory_.mutex_);
      directory_.busy_.erase(digest_);
    }
    directory_.freed_.notify_all();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  Result<void> take(const trust::Call& call) {
    const std::stop_callback on_stop(call.stop, [this] {
      const std::lock_guard between_look_and_wait(directory_.mutex_);
      directory_.freed_.notify_all();
    });
    std::unique_lock lock(directory_.mutex_);
    while (directory_.busy_.contains(digest_)) {
      if (call.stop.stop_requested()) return fail(cancelled());
      if (directory_.clock_.monotonic() >= call.deadline) return fail(timed_out().on(directory_.path_));
      directory_.clock_.wait_until(lock, directory_.freed_, call.deadline);
    }
    directory_.busy_.insert(digest_);
    is_taken_ = true;
    return {};
  }

 private:
  ImageDirectory& directory_;
  const trust::Digest digest_;
  bool is_taken_ = false;
};

Result<std::unique_ptr<ImageDirectory>> ImageDirectory::open(const std::string& path, const Clock& clock,
                                                             FreeBytes free_bytes) {
  std::error_code error;
  const std::string absolute = std::filesystem::absolute(path, error).lexically_normal().string();
  if (error || path.empty()) return fail(make_error(ErrorCode::kInvalidInput, "no path").on(path));
  if (::mkdir(absolute.c_str(), kDirectoryMode) != 0 && errno != EEXIST)
    return fail(system_error("make", absolute, errno));
  if (auto checked = check_directory(absolute); !checked) return fail(std::move(checked).error());
  std::unique_ptr<ImageDirectory> directory(new ImageDirectory(absolute, clock, std::move(free_bytes)));
  if (auto removed = directory->remove_unfinished(); !removed) return fail(std::move(removed).error());
  return directory;
}

Result<void> ImageDirectory::remove_unfinished() const {
  const auto names = list_names(path_);
  if (!names) return fail(names.error());
  for (const std::string& name : *names) {
    if (!name.ends_with(kUnfinished)) continue;
    if (auto removed = remove_file(path_ + "/" + name); !removed) return removed;
  }
  return {};
}

std::string ImageDirectory::path_of(const trust::Digest& digest, std::string_view format) const {
  return fmt::format("{}/{}.{}", path_, digest.hex(), format);
}

Result<ImageDirectory::Stored> ImageDirectory::read(const trust::Digest& digest, std::string_view format,
                                                    const std::stop_token& stop) const {
  std::string path = path_of(digest, format);
  const auto file = RegularFile::open(path);
  if (!file) return fail(file.error());
  Content content;
  const auto done = file->read([&](std::string_view piece) -> Result<void> {
    if (stop.stop_requested()) return fail(cancelled());
    content.add(piece);
    return {};
  });
  if (!done) return fail(done.error());
  const auto disk = content.check(digest);
  if (!disk) return fail(Error(disk.error()).on(path));
  return Stored{std::move(path), *disk, file->identity()};
}

Result<ImageDirectory::Stored> ImageDirectory::provide(const trust::Digest& digest, const Produce& produce,
                                                       const trust::Call& call) {
  Turn turn(*this, digest);
  if (auto taken = turn.take(call); !taken) return fail(std::move(taken).error());
  for (const std::string_view format : kFormats) {
    auto stored = read(digest, format, call.stop);
    if (stored || stored.error().code == ErrorCode::kCancelled) return stored;
  }
  return bring(digest, produce, call);
}

Result<ImageDirectory::Stored> ImageDirectory::bring(const trust::Digest& digest, const Produce& produce,
                                                     const trust::Call& call) const {
  const std::string unfinished = fmt::format("{}/{}{}", path_, digest.hex(), kUnfinished);
  auto file = UnfinishedFile::create(unfinished);
  if (!file) return fail(std::move(file).error());
  const std::function<Result<std::uint64_t>()> free_bytes = [this] { return free_bytes_(path_); };
  Sink sink(*file, free_bytes, clock_, call, path_);
  if (auto produced = produce(sink); !produced) return fail(std::move(produced).error());
  const auto disk = sink.content().check(digest);
  if (!disk) return fail(disk.error());
  std::string path = path_of(digest, to_string(disk->format));
  if (auto published = file->publish(path, kImageMode); !published) return fail(std::move(published).error());
  return Stored{std::move(path), *disk};
}

Result<FileIdentity> ImageDirectory::check(const trust::Digest& digest, std::string_view format,
                                           const std::stop_token& stop) const {
  if (std::find(kFormats.begin(), kFormats.end(), format) == kFormats.end())
    return fail(ErrorCode::kInvalidInput, "an image of a format that is not kept");
  const auto stored = read(digest, format, stop);
  if (!stored) return fail(stored.error());
  if (to_string(stored->disk.format) == format) return stored->file;
  return fail(trust::refuse(reason::kDigestMismatch, "it is of another format than its name says").value());
}

}  // namespace kintsugi::host
