// SPDX-License-Identifier: Apache-2.0
#include "host/images/overlay.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "base/child_process.h"
#include "base/durable_file.h"
#include "base/escape.h"

namespace kintsugi::host {
namespace {

constexpr std::chrono::seconds kPatience{60};
constexpr std::size_t kMaxPathBytes = 4096;
constexpr const char* kUnfinished = ".partial";

Result<void> check_path(const std::string& path) {
  const bool is_plain =
      std::none_of(path.begin(), path.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  if (path.starts_with('/') && path.size() < kMaxPathBytes && is_plain) return {};
  return fail(make_error(ErrorCode::kInvalidInput, "an absolute path without control characters is needed")
                  .on(escape(path, 256)));
}

Result<std::string> find_program(const std::vector<std::string>& directories) {
  for (const std::string& directory : directories) {
    std::string program = directory + "/qemu-img";
    if (::access(program.c_str(), X_OK) == 0) return program;
  }
  return fail(make_error(ErrorCode::kUnsupported, "there is no qemu-img, which makes the layers of disks")
                  .advise("install it: apt-get install qemu-utils"));
}

Result<void> run_qemu_img(const std::string& program, std::vector<std::string> arguments,
                          const std::stop_token& stop) {
  const auto ran = run_child({.path = program,
                              .arguments = std::move(arguments),
                              .environment = {"PATH=/usr/bin:/bin", "LC_ALL=C"},
                              .timeout = kPatience},
                             stop);
  if (!ran) return fail(ran.error());
  if (ran->exit_status == 0) return {};
  return fail(make_error(ErrorCode::kInternal, fmt::format("qemu-img ended with status {}", ran->exit_status))
                  .advise("is the golden image readable, and is there space for the layer?"));
}

}  // namespace

Result<void> make_overlay(const GoldenImage& image, const std::string& path, std::stop_token stop,
                          const std::vector<std::string>& directories) {
  for (const std::string& one : {image.path, path}) {
    if (auto checked = check_path(one); !checked) return checked;
  }
  const auto program = find_program(directories);
  if (!program) return fail(program.error());
  const std::string unfinished = path + kUnfinished;
  if (auto removed = remove_file(unfinished); !removed) return removed;
  auto made = run_qemu_img(*program,
                           {"create", "-q", "-f", "qcow2", "-F", image.format, "-b", image.path, unfinished,
                            std::to_string(image.virtual_size)},
                           stop);
  if (made) made = publish_file(unfinished, path, 0600);
  if (made) return {};
  if (auto removed = remove_file(unfinished); !removed) return fail(std::move(removed).error());
  return fail(std::move(made).error().on(path));
}

}  // namespace kintsugi::host
