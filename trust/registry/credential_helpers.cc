// SPDX-License-Identifier: Apache-2.0
#include "trust/registry/credential_helpers.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/child_process.h"
#include "base/document.h"
#include "trust/crypto/reasons.h"
#include "trust/registry/registry_auth.h"
#include "trust/registry/registry_exchange.h"

namespace kintsugi::trust {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMaxNameBytes = 64;
constexpr std::size_t kMaxUsernameBytes = 1024;
/// What the helpers of docker-credential-helpers write, with exit status 1, where they keep nothing.
constexpr std::string_view kNothing = "credentials not found in native keychain";

bool is_program(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

std::string without_line_end(std::string_view text) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  return std::string(text);
}

class ProgramHelpers final : public CredentialHelpers {
 public:
  ProgramHelpers(HelperSurroundings surroundings, const Clock& clock)
      : surroundings_(std::move(surroundings)), clock_(clock) {}

  Result<std::optional<RegistryCredential>> get(const std::string& name, const std::string& server,
                                                const Call& call) override {
    if (!is_helper_name(name)) return failed("a credential helper", "its name is none");
    const std::string program = "docker-credential-" + name;
    const std::string path = find(program);
    if (path.empty()) return failed(program, "not found in an absolute directory of PATH");
    const auto left = std::chrono::duration_cast<milliseconds>(call.deadline - clock_.monotonic());
    if (left <= milliseconds::zero()) return fail(timed_out());
    const auto ran = run_child({.path = path,
                                .arguments = {"get"},
                                .environment = surroundings_.environment,
                                .input = server,
                                .timeout = std::min(surroundings_.timeout, left)},
                               call.stop);
    if (!ran) return failed(program, ran.error().message);
    if (ran->exit_status != 0) {
      if (without_line_end(ran->output.reveal()) == kNothing) return std::nullopt;
      return failed(program, fmt::format("exit status {}", ran->exit_status));
    }
    auto credential = parse_helper_answer(ran->output.reveal());
    if (!credential) return failed(program, credential.error().message);
    return std::move(*credential);
  }

 private:
  static tl::unexpected<Error> failed(const std::string& program, const std::string& why) {
    return fail(
        make_error(ErrorCode::kUnauthorized, program + ": " + why).because(reason::kRegistryUnauthorized));
  }

  std::string find(const std::string& program) const {
    for (const std::string& directory : surroundings_.directories) {
      std::string path = directory + "/" + program;
      if (directory.starts_with('/') && is_program(path)) return path;
    }
    return {};
  }

  const HelperSurroundings surroundings_;
  const Clock& clock_;
};

}  // namespace

bool is_helper_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

HelperSurroundings helper_surroundings(const std::function<std::string(const char*)>& read) {
  HelperSurroundings out;
  const std::string path = read("PATH");
  for (std::size_t start = 0; start < path.size();) {
    const std::size_t end = std::min(path.find(':', start), path.size());
    if (path[start] == '/') out.directories.push_back(path.substr(start, end - start));
    start = end + 1;
  }
  for (const char* name : {"PATH", "HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS",
                           "GNUPGHOME", "PASSWORD_STORE_DIR"}) {
    if (const std::string value = read(name); !value.empty())
      out.environment.push_back(fmt::format("{}={}", name, value));
  }
  return out;
}

std::unique_ptr<CredentialHelpers> make_credential_helpers(HelperSurroundings surroundings,
                                                           const Clock& clock) {
  return std::make_unique<ProgramHelpers>(std::move(surroundings), clock);
}

Result<RegistryCredential> parse_helper_answer(std::string_view output) {
  const tl::unexpected<Error> bad = fail(ErrorCode::kInvalidInput, "its answer is no credential");
  const auto root = parse_json_document(output, {.max_bytes = 64u << 10, .max_depth = 4, .max_nodes = 64});
  if (!root) return bad;
  const Node* username = root->find("Username");
  const Node* secret = root->find("Secret");
  if (username == nullptr || username->kind != Node::Kind::kString || secret == nullptr ||
      secret->kind != Node::Kind::kString)
    return bad;
  const std::string& user = username->text;
  if (user == "<token>") {
    if (!is_token_text(secret->text)) return bad;
    return RegistryCredential{RegistryCredential::Kind::kIdentityToken, {}, Secret(secret->text)};
  }
  if (user.empty() || user.size() > kMaxUsernameBytes || user.find(':') != user.npos || secret->text.empty())
    return bad;
  return RegistryCredential{RegistryCredential::Kind::kPassword, user, Secret(secret->text)};
}

}  // namespace kintsugi::trust
