// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <nlohmann/json.hpp>
#include <ostream>
#include <system_error>

#include "base/escape.h"
#include "cli/commands.h"

namespace kintsugi::cli {
namespace {

constexpr k8s::Resource kBackups{"host.kintsugi.dev", "v1", "backups", "Backup", false};

}  // namespace

Result<ExitCode> run_backup(const Session& session) {
  std::error_code trouble;
  const std::string path = std::filesystem::absolute(session.invocation.file, trouble).string();
  if (trouble) return fail(ErrorCode::kInvalidInput, "cannot tell where we are: " + trouble.message());
  const nlohmann::json wanted = {
      {"apiVersion", "host.kintsugi.dev/v1"}, {"kind", "Backup"}, {"spec", {{"path", path}}}};
  if (auto made = session.client.create(kBackups, "", wanted, session.write_options()); !made)
    return fail(std::move(made).error());
  session.console.out << escape(path, path.size()) << "\n";
  return ExitCode::kDone;
}

}  // namespace kintsugi::cli
