// SPDX-License-Identifier: Apache-2.0
//
// Programs that keep credentials for registries: github.com/docker/docker-credential-helpers' protocol.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "trust/registry/call.h"
#include "trust/registry/registry_credentials.h"

namespace kintsugi::trust {

/// One to 64 of a-z, 0-9 and "-".
bool is_helper_name(std::string_view name);

/// Thread-safe.
class CredentialHelpers {
 public:
  virtual ~CredentialHelpers() = default;
  /// What the helper `name` keeps for `server`; nothing where it keeps nothing. Errors have the reason
  /// RegistryUnauthorized and never repeat what the program wrote.
  virtual Result<std::optional<RegistryCredential>> get(const std::string& name, const std::string& server,
                                                        const Call& call) = 0;
};

struct HelperSurroundings {
  std::vector<std::string> directories;  ///< absolute, searched in this order
  std::vector<std::string> environment;  ///< "NAME=value", all that the programs get
  std::chrono::milliseconds timeout{10'000};
};

/// The absolute directories of PATH; and as environment PATH, HOME and what finds a user's keyring, as far as
/// set, and nothing else: XDG_CONFIG_HOME, XDG_RUNTIME_DIR, DBUS_SESSION_BUS_ADDRESS, GNUPGHOME,
/// PASSWORD_STORE_DIR. `read` gives an environment variable, or "".
HelperSurroundings helper_surroundings(const std::function<std::string(const char*)>& read);

/// Executes `docker-credential-<name> get`: no shell, the server on its standard input, at most 64 KiB of
/// output, its standard error discarded, its process group killed after the timeout, at the deadline or on a
/// stop. `clock`, which must outlive the result, tells how long that deadline is away.
std::unique_ptr<CredentialHelpers> make_credential_helpers(HelperSurroundings surroundings,
                                                           const Clock& clock);

/// Reads `{"Username", "Secret"}`; the user "<token>" means an identity token. kInvalidInput without details.
Result<RegistryCredential> parse_helper_answer(std::string_view output);

}  // namespace kintsugi::trust
