// SPDX-License-Identifier: Apache-2.0
#include "host/file_config.h"

#include <filesystem>
#include <optional>
#include <string_view>

#include "base/file.h"
#include "playbooks/matcher.h"

namespace kintsugi::host {
namespace {

constexpr std::size_t kMaxModeBytes = 64;

Result<std::string> no_objects(const trust::TextReference& /*reference*/) {
  return fail(make_error(ErrorCode::kUnsupported, "there are no ConfigMaps and Secrets on a hypervisor")
                  .advise("give the key inline or as a file"));
}

std::string_view without_blanks(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

}  // namespace

FileConfig::FileConfig(const controller::Settings& settings, controller::PlaybookBook& book, Logger& log,
                       std::function<void()> changed)
    : settings_(settings),
      book_(book),
      log_(log),
      changed_(changed),
      publisher_(settings, book, log, no_objects, std::move(changed)) {}

void FileConfig::load() {
  read_mode();
  controller::ConfigDocuments documents;
  publisher_.read_files(documents);
  publisher_.publish(std::move(documents));
}

void FileConfig::read_mode() {
  const auto text = read_file(settings_.playbooks_directory + "/mode", kMaxModeBytes);
  const bool is_absent = !text && text.error().code == ErrorCode::kNotFound;
  std::error_code none;
  // The playbooks that were in a directory which is away stay in force, and so does what caps them.
  if (!text && !std::filesystem::is_directory(settings_.playbooks_directory, none)) return;
  const std::string word(text ? without_blanks(*text) : std::string_view());
  const Mode cap = playbooks::mode_cap(is_absent ? std::nullopt : std::optional<std::string_view>(word));
  if (cap == book_.cluster_cap()) return;
  book_.set_cluster_cap(cap);
  log_.info("The mode cap has changed", {{"mode", to_string(cap)}});
  changed_();
}

}  // namespace kintsugi::host
