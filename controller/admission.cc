// SPDX-License-Identifier: Apache-2.0
#include "controller/admission.h"

#include <nlohmann/json.hpp>

#include "admission/pod_review.h"
#include "admission/webhook_configuration.h"
#include "base/json_text.h"
#include "controller/playbook_book.h"
#include "controller/responses.h"
#include "k8s-client/client/wait.h"
#include "net/url.h"
#include "playbooks/guards.h"
#include "playbooks/matcher.h"

namespace kintsugi::controller {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kSyncCertificates{60};
/// Somebody else may have changed the configuration.
constexpr std::chrono::seconds kSyncConfiguration{30};
constexpr std::chrono::seconds kLook{1};
constexpr std::chrono::seconds kGrace{5};

net::HttpResponse refusal(int status) {
  return problem_response(status, "Not answered", "this is no review that can be read here");
}

}  // namespace

Admission::Admission(const Settings& settings, k8s::Client& client, const incidents::IncidentStore& store,
                     const targets::ClusterCache& cache, const PlaybookBook& book,
                     AdmissionEndpoint::Judge judge, metrics::Registry& metrics, const Clock& clock,
                     Logger& log)
    : settings_(settings),
      client_(client),
      store_(store),
      cache_(cache),
      book_(book),
      clock_(clock),
      log_(log),
      endpoint_(std::move(judge), metrics, clock) {}

void Admission::run(const std::stop_token& stop, const std::function<bool()>& leads) {
  while (!stop.stop_requested()) {
    if (server_ == nullptr) tell("The admission check is not served yet", serve(), certificate_trouble_);
    if (server_ != nullptr) refresh(leads());
    k8s::wait_until(clock_, clock_.monotonic() + kLook, stop);
  }
  if (server_ != nullptr) server_->stop(kGrace);
}

/// An error is logged once, until it is another.
void Admission::tell(const char* what, const Result<void>& outcome, std::string& told) {
  const std::string trouble = outcome ? "" : outcome.error().to_string();
  if (trouble != told && !trouble.empty()) log_.warning(what, {{"error", trouble}});
  told = trouble;
}

Result<void> Admission::serve() {
  if (auto synced = sync_certificates(Renewal::kWhereNoneCanBeServed); !synced) return synced;
  net::ServerOptions options;
  options.address = settings_.admission.listen.address;
  options.port = settings_.admission.listen.port;
  options.limits.max_body_bytes = admission::kMaxReviewBytes;
  options.handle = [this](net::ServerRequest request, std::unique_ptr<net::Responder> responder) {
    endpoint_.handle(std::move(request), std::move(responder));
  };
  options.refusal = refusal;
  options.tls = certificates_.current->tls;
  auto server = net::start_http_server(std::move(options), log_);
  if (!server) return tl::unexpected(std::move(server).error());
  server_ = std::move(*server);
  served_ = certificates_.current->tls.certificate_pem;
  log_.info("Answers the API server about pods",
            {{"admission", settings_.admission.listen.address + ":" + std::to_string(server_->port())}});
  return {};
}

std::vector<std::string> Admission::names() const {
  if (settings_.admission.url.empty())
    return {settings_.admission.service + "." + settings_.name_space + ".svc"};
  const auto url = net::parse_url(settings_.admission.url);
  return {url ? url->host : ""};
}

/// All replicas share them, by a Secret that is changed by whoever comes first.
Result<void> Admission::sync_certificates(Renewal renewal) {
  const k8s::ObjectKey key{settings_.name_space, settings_.admission.name};
  auto secret = client_.get(k8s::kSecrets, key);
  if (!secret) return fail(secret.error());
  const json none = json::object();
  const auto data = secret->find("data");
  certificates_ = admission::read_certificates(data == secret->end() ? none : *data);
  if (certificates_.current && renewal == Renewal::kWhereNoneCanBeServed) return {};
  auto renewed = admission::renew_certificates(certificates_, names(), clock_.now());
  if (!renewed) return tl::unexpected(std::move(renewed).error());
  if (!*renewed) return {};
  (*secret)["data"] = admission::write_certificates(**renewed);
  if (auto stored = client_.update(k8s::kSecrets, key, *secret); !stored) return fail(stored.error());
  certificates_ = std::move(**renewed);
  log_.info("Renewed the admission check's certificates", {{"secret", key.to_string()}});
  return {};
}

void Admission::serve_current() {
  if (!certificates_.current || certificates_.current->tls.certificate_pem == served_) return;
  if (auto reloaded = server_->reload_tls(certificates_.current->tls); !reloaded)
    return log_.error("The certificate in force stays", {{"error", reloaded.error().to_string()}});
  served_ = certificates_.current->tls.certificate_pem;
}

admission::GuardedNamespaces Admission::find_guarded() const {
  if (book_.cluster_cap() < Mode::kContainOnly) return {};
  const auto rule_of = [this](const std::string& name) -> admission::NamespaceRule {
    const auto known = cache_.name_space(name);
    if (known == nullptr || playbooks::is_system_namespace(name)) return {};
    const auto label = known->labels.find(admission::kAdmissionLabel);
    return {known->is_protected() && playbooks::mode_cap(known->mode_word()) >= Mode::kContainOnly,
            label == known->labels.end() ? "" : label->second};
  };
  return admission::find_guarded_namespaces(store_.list(), rule_of,
                                            {settings_.name_space, settings_.admission.after}, clock_.now());
}

void Admission::warn_of_labels(const admission::GuardedNamespaces& guarded) {
  for (const std::string& name : guarded.misspelt) {
    if (guarded_.misspelt.contains(name)) continue;
    log_.warning("A label is neither fail-open nor fail-closed; the namespace is fail-open",
                 {{"namespace", name}, {"label", std::string(admission::kAdmissionLabel)}});
  }
}

Result<void> Admission::sync_configuration(const admission::GuardedNamespaces& guarded) {
  const k8s::ObjectKey key{"", settings_.admission.name};
  const auto live = client_.get(k8s::kValidatingWebhookConfigurations, key);
  if (!live) return fail(live.error());
  const admission::WebhookAddress address{settings_.name_space, settings_.admission.service,
                                          settings_.admission.url};
  const json wanted = admission::make_webhooks(guarded, address, certificates_.bundle_pem());
  if (live->value("webhooks", json::array()) == wanted) return {};
  k8s::JsonPatch patch;
  patch.test("/metadata/resourceVersion", live->at("metadata").at("resourceVersion"));
  patch.add("/webhooks", wanted);
  if (auto patched = client_.patch(k8s::kValidatingWebhookConfigurations, key, patch); !patched)
    return fail(patched.error());
  log_.info("The API server asks about pods of these namespaces",
            {{"failOpen", json_text(json(guarded.fail_open))},
             {"failClosed", json_text(json(guarded.fail_closed))}});
  return {};
}

void Admission::refresh(bool leads) {
  const MonotonicTime now = clock_.monotonic();
  if (now >= next_certificates_) {
    tell("The admission check's certificates were not read",
         sync_certificates(leads ? Renewal::kWhenDue : Renewal::kWhereNoneCanBeServed), certificate_trouble_);
    next_certificates_ = now + kSyncCertificates;
    serve_current();
  }
  if (!leads) return;
  const admission::GuardedNamespaces guarded = find_guarded();
  const std::string bundle = certificates_.bundle_pem();
  if (guarded == guarded_ && bundle == bundle_ && now < next_configuration_) return;
  warn_of_labels(guarded);
  const auto synced = sync_configuration(guarded);
  tell("The API server does not know yet whom to ask about pods", synced, configuration_trouble_);
  if (!synced) return;
  guarded_ = guarded;
  bundle_ = bundle;
  next_configuration_ = now + kSyncConfiguration;
}

}  // namespace kintsugi::controller
