// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "base/descriptor.h"

namespace kintsugi {

Result<void> read_pieces(const std::string& path, const PieceSink& take) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return fail(system_error("open", path, errno));
  for (;;) {
    char buffer[65536];
    const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(system_error("read", path, errno));
    if (got == 0) return {};
    if (auto taken = take({buffer, std::size_t(got)}); !taken) return taken;
  }
}

Result<std::string> read_file(const std::string& path, std::size_t max_bytes) {
  std::string content;
  auto read = read_pieces(path, [&](std::string_view piece) -> Result<void> {
    if (content.append(piece).size() <= max_bytes) return {};
    return fail(make_error(ErrorCode::kTooLarge, fmt::format("more than {} bytes", max_bytes)).on(path));
  });
  if (!read) return fail(std::move(read).error());
  return content;
}

Result<void> write_file_durably(const std::string& path, std::string_view content) {
  return write_pieces_durably(path, [&](const PieceSink& write) { return write(content); });
}

Result<void> write_pieces_durably(const std::string& path,
                                  const std::function<Result<void>(const PieceSink& write)>& produce) {
  const std::string temporary = path + ".tmp";
  {
    const Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
    if (!file.is_open()) return fail(system_error("create", temporary, errno));
    auto produced = produce([&](std::string_view piece) { return write_all(file, piece, temporary); });
    if (produced && ::fsync(file.get()) != 0) produced = fail(system_error("flush", temporary, errno));
    if (!produced) {
      ::unlink(temporary.c_str());
      return produced;
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return fail(system_error("rename", path, errno));
  return flush_parent_directory(path);
}

Result<std::vector<std::string>> list_files(const std::string& directory,
                                            const std::vector<std::string>& suffixes) {
  std::error_code error;
  std::vector<std::string> found;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    const bool wanted = std::any_of(suffixes.begin(), suffixes.end(),
                                    [&](const std::string& s) { return name.ends_with(s); });
    std::error_code ignored;
    if (wanted && !name.starts_with('.') && it->is_regular_file(ignored))
      found.push_back(it->path().string());
  }
  if (error) return fail(system_error("list", directory, error.value()));
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace kintsugi
