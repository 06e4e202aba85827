// SPDX-License-Identifier: Apache-2.0
#include "measure_admission.h"

#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "admission/webhook_configuration.h"
#include "base/file.h"
#include "controller/admission_endpoint.h"
#include "net/curl_transport.h"
#include "net/self_signed_certificate.h"
#include "trust/policy/verifier.h"
#include "trust/testing/fake_registry.h"

namespace kintsugi::bench {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr int kReviews = 2000;
constexpr std::size_t kAtOnce = 16;
constexpr double kAimMilliseconds = 20;
constexpr char kFloorPath[] = "/floor";

/// A pod as the API server describes one, with what is not looked at as well.
std::string review(const std::string& image) {
  const json metadata = {{"name", "web-1"},
                         {"labels", {{"app", "web"}}},
                         {"managedFields", json::array({{{"manager", std::string(2000, 'm')}}})}};
  const json container = {
      {"name", "web"}, {"image", image}, {"env", json::array({{{"name", "A"}, {"value", "b"}}})}};
  return json({{"apiVersion", "admission.k8s.io/v1"},
               {"kind", "AdmissionReview"},
               {"request",
                {{"uid", "705ab4f5-6393-11e8-b7cc-42010a800002"},
                 {"operation", "CREATE"},
                 {"namespace", "shop"},
                 {"object",
                  {{"apiVersion", "v1"},
                   {"kind", "Pod"},
                   {"metadata", metadata},
                   {"spec", {{"containers", json::array({container})}}}}},
                 {"oldObject", nullptr}}}})
      .dump();
}

/// The check with a real verifier; a registry in this process holds one signed image.
class Check {
 public:
  Check() {
    registry_.load("it", "images/two-bundles");
    const auto tag = trust::ImageReference::parse("r.example.com/it:1.0").value();
    image_ = "r.example.com/it@" +
             registry_client_.resolve_tag(tag, {skipping_.monotonic() + 1min, {}}).value().text();
    trust::TrustPolicySpec spec;
    spec.images = {trust::ImageGlob::parse("**").value()};
    trust::AuthoritySpec authority;
    authority.key.text = read_file("trust/testdata/images/keys/a.pub", 1u << 20).value();
    spec.authorities = {authority};
    policies_ = {trust::resolve_references(spec, nullptr)};
    const WallTime now = clock_.now();
    const auto tls = net::make_self_signed({{"127.0.0.1"}, now - 1h, now + 1h}).value();
    net::ServerOptions options;
    options.tls = tls;
    options.handle = [this](net::ServerRequest request, std::unique_ptr<net::Responder> responder) {
      if (request.path != kFloorPath) return endpoint_.handle(std::move(request), std::move(responder));
      net::HttpResponse response;
      response.status = 200;
      response.body = "{}";
      responder->respond(response);
    };
    server_ = net::start_http_server(std::move(options), log_).value();
    net::CurlOptions client;
    client.tls.ca_pem = tls.certificate_pem;
    client_ = net::make_curl_transport(std::move(client));
  }
  ~Check() { server_->stop(1s); }
  Check(const Check&) = delete;
  Check& operator=(const Check&) = delete;

  Duration ask(const std::string& path) const {
    net::HttpRequest request;
    request.method = "POST";
    request.url = "https://127.0.0.1:" + std::to_string(server_->port()) + path;
    request.body = review(image_);
    const MonotonicTime start = clock_.monotonic();
    const auto response = client_->send(request, {});
    const Duration took = clock_.monotonic() - start;
    if (!response || response->status != 200) throw std::runtime_error("a review was not answered");
    if (path != kFloorPath && !json::parse(response->body).at("response").at("allowed").get<bool>())
      throw std::runtime_error("a pod was refused: " + response->body);
    return took;
  }

 private:
  trust::Verdict judge(const std::string& image, MonotonicTime) {
    return verifier_.verify(image, policies_, {skipping_.monotonic() + 1min, {}});
  }

  const SystemClock clock_;
  Logger log_{clock_, LogLevel::kError, standard_error_writer()};
  trust::testing::FakeRegistry registry_;
  trust::testing::SkippingClock skipping_;
  trust::RegistryClient registry_client_{registry_, skipping_};
  trust::VerdictCache cache_{skipping_};
  trust::Verifier verifier_{registry_client_, cache_, skipping_};
  std::vector<trust::TrustPolicy> policies_;
  std::string image_;
  metrics::Registry metrics_{metrics::RegistryOptions{}};
  controller::AdmissionEndpoint endpoint_{
      [this](const std::string& image, MonotonicTime deadline) { return judge(image, deadline); }, metrics_,
      clock_};
  std::unique_ptr<net::HttpServer> server_;
  std::unique_ptr<net::HttpTransport> client_;
};

Samples ask_from(const Check& check, const std::string& path, std::size_t threads) {
  Samples samples;
  std::mutex mutex;
  std::vector<std::jthread> askers;
  for (std::size_t i = 0; i < threads; ++i) {
    askers.emplace_back([&] {
      for (int left = kReviews / int(threads); left > 0; --left) {
        const Duration took = check.ask(path);
        const std::lock_guard lock(mutex);
        samples.add(took);
      }
    });
  }
  askers.clear();
  return samples;
}

double milliseconds(Duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

}  // namespace

void measure_admission(Report& report) {
  report.heading("Reviews of pods whose image is known, over TLS");
  const Check check;
  const std::string path(admission::kFailClosedPath);
  for (const std::size_t threads : {std::size_t(1), kAtOnce}) {
    const std::string how = threads == 1 ? "one after the other" : std::to_string(threads) + " at once";
    ask_from(check, path, threads);  // connections, and what is verified once
    Samples floor = ask_from(check, kFloorPath, threads);
    Samples reviews = ask_from(check, path, threads);
    report.ratio(how + ", p50", reviews.percentile(0.5), floor.percentile(0.5));
    report.ratio(how + ", p99 over the floor's", reviews.percentile(0.99), floor.percentile(0.99));
    report.figure(how + ", p99", milliseconds(reviews.percentile(0.99)), "ms",
                  at_most(kAimMilliseconds, "ms"));
  }
}

}  // namespace kintsugi::bench
