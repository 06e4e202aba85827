// SPDX-License-Identifier: Apache-2.0
#include "controller/config_watch.h"

#include <catch2/catch.hpp>
#include <condition_variable>
#include <future>
#include <mutex>

#include "base/testing/scratch_directory.h"
#include "k8s-client/client/test_world.h"

namespace kintsugi::controller {
namespace {

using namespace std::chrono_literals;

constexpr char kPolicy[] = R"(
apiVersion: kintsugi.dev/v1alpha1
kind: TrustPolicy
metadata: {name: golden}
spec:
  images: ["registry.example.com/**"]
  authorities: [{key: {configMapRef: {name: cosign-pub}}}]
)";

constexpr char kPlaybooks[] = R"({"metadata": {"resourceVersion": "1"}, "items": [{
  "apiVersion": "kintsugi.dev/v1alpha1", "kind": "Playbook",
  "metadata": {"name": "shell", "namespace": "kintsugi-system", "uid": "u", "resourceVersion": "1"},
  "spec": {"signals": [{"source": "falco", "rules": ["*"]}]}}]})";
constexpr char kNothing[] = R"({"metadata": {"resourceVersion": "1"}, "items": []})";

/// Tells nothing of its lists before it was asked for the policy's key, and that only as often as is
/// permitted.
class Server final : public net::HttpTransport {
 public:
  Result<net::HttpResponse> send(const net::HttpRequest& request, std::stop_token stop) override {
    const bool asks_key = request.url.find("/configmaps/cosign-pub") != std::string::npos;
    std::unique_lock lock(mutex_);
    if (!asks_key) {
      changed_.wait(lock, stop, [&] { return keys_asked_ > 0; });
      const bool asks_playbooks = request.url.find("/playbooks") != std::string::npos;
      return k8s::answer(200, asks_playbooks ? kPlaybooks : kNothing);
    }
    const int turn = ++keys_asked_;
    changed_.notify_all();
    changed_.wait(lock, stop, [&] { return turn <= keys_permitted_; });
    return k8s::answer(404, k8s::failure(404, "NotFound"));
  }

  Result<net::HttpResponse> stream(const net::HttpRequest& request, std::stop_token stop,
                                   const net::ResponseSink& on_head, const net::BodySink& on_body) override {
    if (request.url.find("watch=true") == std::string::npos) {
      auto response = send(request, stop);
      if (response && on_head(*response)) on_body(response->body);
      return response;
    }
    on_head(k8s::answer(200, ""));
    std::unique_lock lock(mutex_);
    changed_.wait(lock, stop, [] { return false; });
    return fail(ErrorCode::kCancelled, "stopped");
  }

  void permit_keys(int count) {
    const std::lock_guard lock(mutex_);
    keys_permitted_ = count;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  int keys_asked_ = 0;
  int keys_permitted_ = 0;
};

}  // namespace

TEST_CASE("a book whose reading began before the lists were there is not taken for all that there is") {
  const SystemClock clock;
  Logger log(clock, LogLevel::kError, [](std::string_view) {});
  const ScratchDirectory scratch;
  scratch.write("policies/golden.yaml", kPolicy);
  Settings settings;
  settings.name_space = "kintsugi-system";
  settings.trust_policies_directory = scratch / "policies";
  Server server;
  k8s::RotatingCredentials credentials;
  k8s::RateLimiter limiter{k8s::RateLimiter::Options{}, clock};
  k8s::Client client({"https://h:6443", "test/1", "default", nullptr}, server, credentials, limiter, clock);
  PlaybookBook book;
  ConfigWatch watch(client, settings, book, clock, log, [] {});
  const auto threads = watch.start();
  auto synced =
      std::async(std::launch::async, [&] { return watch.wait_for_sync(clock.monotonic() + 20s, {}); });
  CHECK(synced.wait_for(200ms) == std::future_status::timeout);
  server.permit_keys(1);  // the first reading is over
  CHECK(synced.wait_for(200ms) == std::future_status::timeout);
  server.permit_keys(1000);
  REQUIRE(synced.get());
  CHECK(book.find("shell") != nullptr);
}

}  // namespace kintsugi::controller
