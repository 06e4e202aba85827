// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/auth/credentials.h"

#include <mutex>
#include <optional>
#include <utility>

#include "base/encoding.h"
#include "base/file.h"
#include "k8s-client/auth/pem.h"
#include "k8s-client/auth/token_file.h"
#include "net/header_rules.h"

namespace kintsugi::k8s {
namespace {

constexpr std::chrono::minutes kLookAgainAfter{5};
constexpr std::size_t kMaxPemBytes = 1u << 20;

Result<Secret> read_pem(const PemSource& source) {
  if (!source.data.empty() || source.path.empty()) return source.data;
  auto text = read_file(source.path, kMaxPemBytes);
  if (!text) return fail(std::move(text).error());
  return Secret(std::move(*text));
}

std::string name_of(const PemSource& source, std::string_view what) {
  return source.data.empty() ? source.path : std::string(what);
}

bool same(const net::TlsOptions& left, const net::TlsOptions& right) {
  return left.ca_pem == right.ca_pem && left.certificate_pem == right.certificate_pem &&
         left.key_pem.equals(right.key_pem.reveal());
}

Result<net::Headers> impersonation_headers(const Impersonation& who) {
  net::Headers headers;
  if (!who.user.empty()) headers.add("Impersonate-User", who.user);
  if (!who.uid.empty()) headers.add("Impersonate-Uid", who.uid);
  for (const std::string& group : who.groups) headers.add("Impersonate-Group", group);
  for (const auto& [key, value] : who.extra) headers.add("Impersonate-Extra-" + url_encode(key), value);
  if (who.user.empty() && !headers.all().empty()) {
    return fail(ErrorCode::kInvalidInput, "impersonating a UID, group or extra needs a user to impersonate");
  }
  if (auto sendable = net::check_headers(headers); !sendable) return fail(std::move(sendable).error());
  return headers;
}

/// As CredentialSource promises.
Error as_unauthorized(Error trouble) {
  trouble.code = ErrorCode::kUnauthorized;
  trouble.retryable = true;
  return trouble;
}

class ConfiguredCredentials final : public CredentialSource {
 public:
  ConfiguredCredentials(ClusterConfig config, net::Headers headers, const Clock& clock)
      : config_(std::move(config)), headers_(std::move(headers)), clock_(clock) {
    if (!config_.token_file.empty()) token_file_.emplace(config_.token_file, clock);
  }

  Result<RequestCredentials> credentials() override {
    if (!token_file_) return RequestCredentials{config_.token, headers_};
    auto token = token_file_->token();
    if (token) return RequestCredentials{std::move(*token), headers_};
    if (!config_.token.empty()) return RequestCredentials{config_.token, headers_};
    return fail(as_unauthorized(std::move(token).error()));
  }

  void unauthorized(MonotonicTime request_start) override {
    if (token_file_) token_file_->drop_older_than(request_start);
  }

  Result<TlsSnapshot> tls() override {
    std::lock_guard lock(mutex_);
    const MonotonicTime now = clock_.monotonic();
    if (current_.generation != 0 && now - looked_at_ < kLookAgainAfter) return current_;
    auto fresh = load();
    if (!fresh && current_.generation == 0) return fail(as_unauthorized(std::move(fresh).error()));
    looked_at_ = now;
    if (fresh && (current_.generation == 0 || !same(*fresh, current_.options))) {
      current_ = {std::move(*fresh), current_.generation + 1};
    }
    return current_;
  }

 private:
  /// The CA and the pair are taken over independently: a broken one does not hold the other back.
  Result<net::TlsOptions> load() const {
    net::TlsOptions options = current_.options;
    options.server_name = config_.tls_server_name;
    options.insecure_skip_verify = config_.insecure_skip_tls_verify;
    const bool first = current_.generation == 0;
    if (auto done = load_ca(options); !done && first) return fail(std::move(done).error());
    if (auto done = load_pair(options); !done && first) return fail(std::move(done).error());
    return options;
  }

  Result<void> load_ca(net::TlsOptions& options) const {
    if (config_.ca.empty()) return {};
    const auto pem = read_pem(config_.ca);
    if (!pem) return fail(pem.error());
    if (auto good = check_certificates(pem->reveal()); !good) {
      return fail(std::move(good).error().on(name_of(config_.ca, "certificate-authority-data")));
    }
    options.ca_pem = pem->reveal();
    return {};
  }

  Result<void> load_pair(net::TlsOptions& options) const {
    if (config_.certificate.empty()) return {};
    const auto certificate = read_pem(config_.certificate);
    if (!certificate) return fail(certificate.error());
    auto key = read_pem(config_.key);
    if (!key) return fail(std::move(key).error());
    if (auto good = check_key_pair(certificate->reveal(), key->reveal()); !good) {
      return fail(std::move(good).error().on(name_of(config_.certificate, "client-certificate-data")));
    }
    options.certificate_pem = certificate->reveal();
    options.key_pem = std::move(*key);
    return {};
  }

  const ClusterConfig config_;
  const net::Headers headers_;
  const Clock& clock_;
  std::optional<TokenFile> token_file_;
  std::mutex mutex_;  ///< guards what follows
  TlsSnapshot current_;
  MonotonicTime looked_at_{};
};

}  // namespace

Result<std::unique_ptr<CredentialSource>> make_credentials(ClusterConfig config, const Clock& clock) {
  const auto refuse = [&](Error error) { return fail(std::move(error).on(config.origin)); };
  if (config.certificate.empty() != config.key.empty()) {
    return refuse(make_error(ErrorCode::kInvalidInput,
                             "a client certificate needs its key, and the key its certificate"));
  }
  if (config.insecure_skip_tls_verify && !config.ca.empty()) {
    return refuse(make_error(ErrorCode::kInvalidInput,
                             "a certificate authority and insecure-skip-tls-verify contradict each other"));
  }
  if (!config.token.empty()) {
    auto token = parse_token(config.token.reveal());
    if (!token) return refuse(std::move(token).error());
    config.token = std::move(*token);
  }
  auto headers = impersonation_headers(config.impersonation);
  if (!headers) return refuse(std::move(headers).error());
  auto source = std::make_unique<ConfiguredCredentials>(std::move(config), std::move(*headers), clock);
  if (auto usable = source->tls(); !usable) return fail(std::move(usable).error());
  if (auto usable = source->credentials(); !usable) return fail(std::move(usable).error());
  return source;
}

}  // namespace kintsugi::k8s
