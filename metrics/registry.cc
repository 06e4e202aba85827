// SPDX-License-Identifier: Apache-2.0
#include "metrics/registry.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/metric_family.h>
#include <prometheus/registry.h>

#include <array>
#include <iterator>

#include "metrics/builders.h"
#include "metrics/controller_metrics.h"
#include "metrics/labels.h"
#include "metrics/process.h"

namespace kintsugi::metrics {
namespace {

using prometheus::Counter;
using prometheus::Gauge;
using prometheus::Histogram;

constexpr std::array<std::string_view, 4> kActionResults{"applied", "failed", "undone", "abandoned"};
constexpr std::array<std::string_view, 2> kEvidenceResults{"stored", "failed"};
constexpr std::array<std::string_view, 4> kVerificationResults{"accepted", "warned", "refused",
                                                               "unavailable"};
constexpr std::array<std::string_view, 3> kAdmissionResults{"allowed", "refused", "undecided"};
constexpr std::array<std::string_view, 2> kWebhooks{"/v1/admission/fail-closed", "/v1/admission/fail-open"};
constexpr std::array<std::string_view, 4> kWebhookCodes{"200", "400", "500", kOther};
constexpr std::array<std::string_view, 2> kBooleans{"false", "true"};
constexpr std::array<std::string_view, 5> kMethods{"GET", "POST", "PUT", "PATCH", "DELETE"};
/// What an API server answers; client-go calls a missing answer "<error>".
constexpr std::array<std::string_view, 17> kCodes{"101", "200", "201", "202",     "400", "401",
                                                  "403", "404", "409", "410",     "422", "429",
                                                  "500", "503", "504", "<error>", kOther};

/// Prometheus' own defaults, which controller-runtime has for its webhooks.
const std::vector<double> kDefaultBounds{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
/// client-go's.
const std::vector<double> kRequestBounds{0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60};

std::array<std::string, 1> only(const std::string& value) {
  return {value};
}

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

struct Registry::Impl {
  explicit Impl(const RegistryOptions& options)
      : host(options.api_host),
        lease(options.lease),
        signals(counters(all, "kintsugi_signals_total", "Signals taken in, by what became of them.",
                         {{"source", kSourceValues}, {"disposition", kDispositionValues}})),
        last_signal(gauges(all, "kintsugi_last_signal_timestamp_seconds",
                           "When the last signal came, Unix time; 0: none since the start of the process.",
                           {{"source", kSourceValues}})),
        actions(counters(all, "kintsugi_actions_total", "Changes to the world, by how they ended.",
                         {{"action", kActionValues}, {"result", kActionResults}})),
        action_time(histograms(all, "kintsugi_action_duration_seconds",
                               "How long changes to the world took, retries included.",
                               {{"action", kActionValues}}, kDefaultBounds)),
        evidence(counters(all, "kintsugi_evidence_objects_total",
                          "Objects of evidence, by whether they could be kept.",
                          {{"kind", kEvidenceKindValues}, {"result", kEvidenceResults}})),
        evidence_bytes(
            counters(all, "kintsugi_evidence_bytes_total", "Bytes of evidence that were stored.", {})),
        verifications(counters(all, "kintsugi_image_verifications_total",
                               "Verifications of images, by verdict.", {{"result", kVerificationResults}})),
        admissions(counters(all, "kintsugi_admission_reviews_total",
                            "Pods that were asked about, by the answer.", {{"result", kAdmissionResults}})),
        webhook_requests(counters(all, "controller_runtime_webhook_requests_total",
                                  "Total number of admission requests by HTTP status code.",
                                  {{"webhook", kWebhooks}, {"code", kWebhookCodes}})),
        webhook_time(histograms(all, "controller_runtime_webhook_latency_seconds",
                                "Histogram of the latency of processing admission requests.",
                                {{"webhook", kWebhooks}}, kDefaultBounds)),
        workloads(
            gauges(all, "kintsugi_protected_workloads",
                   "Protected workloads, by whether quarantine would isolate them and whether their template "
                   "names a trusted digest.",
                   {{"containable", kBooleans}, {"prepared", kBooleans}})),
        leading(
            gauges(all, "leader_election_master_status",
                   "Gauge of if the reporting system is master of the relevant lease, 0 indicates backup, 1 "
                   "indicates master. 'name' is the string used to identify the lease.",
                   {{"name", only(options.lease)}})),
        requests(counters(all, "rest_client_requests_total",
                          "Number of HTTP requests, partitioned by status code, method, and host.",
                          {{"code", kCodes}, {"method", kMethods}, {"host", only(options.api_host)}})),
        request_time(histograms(all, "rest_client_request_duration_seconds",
                                "Request latency in seconds. Broken down by verb, and host.",
                                {{"verb", kMethods}, {"host", only(options.api_host)}}, kRequestBounds)),
        controllers(all, options.controllers) {
    gauges(all, "kintsugi_build_info", "1, with what this program was built from as labels.",
           {{"version", only(options.version)}, {"revision", only(options.revision)}})
        .at({options.version, options.revision})
        .Set(1);
  }

  prometheus::Registry all;
  const std::string host, lease;
  ClosedFamily<Counter> signals;
  ClosedFamily<Gauge> last_signal;
  ClosedFamily<Counter> actions;
  ClosedFamily<Histogram> action_time;
  ClosedFamily<Counter> evidence, evidence_bytes, verifications;
  ClosedFamily<Counter> admissions, webhook_requests;
  ClosedFamily<Histogram> webhook_time;
  ClosedFamily<Gauge> workloads, leading;
  ClosedFamily<Counter> requests;
  ClosedFamily<Histogram> request_time;
  ControllerFamilies controllers;
};

Registry::Registry(const RegistryOptions& options) : impl_(std::make_unique<Impl>(options)) {}

Registry::~Registry() = default;

void Registry::count_signal(std::string_view source, std::string_view disposition, WallTime received) {
  impl_->signals.at({source, disposition}).Increment();
  impl_->last_signal.at({source}).Set(std::chrono::duration<double>(received.time_since_epoch()).count());
}

void Registry::count_action(std::string_view action, ActionResult result, std::chrono::nanoseconds took) {
  impl_->actions.at({action, kActionResults[std::size_t(result)]}).Increment();
  impl_->action_time.at({action}).Observe(seconds(took));
}

void Registry::count_evidence(std::string_view kind, EvidenceResult result, std::uint64_t bytes) {
  impl_->evidence.at({kind, kEvidenceResults[std::size_t(result)]}).Increment();
  if (result == EvidenceResult::kStored) impl_->evidence_bytes.at({}).Increment(double(bytes));
}

void Registry::count_image_verification(VerificationResult result) {
  impl_->verifications.at({kVerificationResults[std::size_t(result)]}).Increment();
}

void Registry::count_admission(AdmissionResult result) {
  impl_->admissions.at({kAdmissionResults[std::size_t(result)]}).Increment();
}

void Registry::observe_webhook(std::string_view path, int status, std::chrono::nanoseconds took) {
  impl_->webhook_requests.at({path, std::to_string(status)}).Increment();
  impl_->webhook_time.at({path}).Observe(seconds(took));
}

void Registry::set_protected_workloads(bool containable, bool prepared, std::size_t count) {
  impl_->workloads.at({kBooleans[containable], kBooleans[prepared]}).Set(double(count));
}

void Registry::set_leading(bool leading) {
  impl_->leading.at({impl_->lease}).Set(leading ? 1 : 0);
}

void Registry::observe_request(std::string_view method, int status, std::chrono::nanoseconds took) {
  const std::string code = status == 0 ? "<error>" : std::to_string(status);
  impl_->requests.at({code, method, impl_->host}).Increment();
  impl_->request_time.at({method, impl_->host}).Observe(seconds(took));
}

ControllerMetrics& Registry::controller(std::string_view name) {
  return impl_->controllers.controller(name);
}

std::vector<prometheus::MetricFamily> Registry::collect() const {
  std::vector<prometheus::MetricFamily> families = impl_->all.Collect();
  const auto append = [&](std::vector<prometheus::MetricFamily> more) {
    families.insert(families.end(), std::make_move_iterator(more.begin()),
                    std::make_move_iterator(more.end()));
  };
  append(impl_->controllers.collect_queues());
  append(process_families());
  return families;
}

}  // namespace kintsugi::metrics
