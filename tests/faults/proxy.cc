// SPDX-License-Identifier: Apache-2.0
#include "tests/faults/proxy.h"

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <list>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "base/file.h"
#include "k8s-client/auth/kubeconfig.h"
#include "net/curl_transport.h"
#include "net/request_parser.h"
#include "net/url.h"
#include "tests/faults/connection.h"

namespace kintsugi::faults {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr std::size_t kMaxBytes = 64u << 20;
constexpr auto kForever = std::chrono::hours(24);

/// A request with the bytes that it came in, for passing it on unread.
struct Received {
  net::ServerRequest request;
  std::string raw_head;
  bool is_upgrade = false;
};

/// A call under way, and where its record is.
struct Tracked {
  Call call;
  std::size_t slot = 0;
  std::size_t epoch = 0;  ///< which begin() it belongs to
};

/// Reads the requests of one connection.
class RequestReader {
 public:
  explicit RequestReader(Connection& client) : client_(client) {}

  /// Nothing at the end of the connection, or where what came is no HTTP.
  std::optional<Received> next() {
    using State = net::RequestParser::State;
    net::ServerLimits limits;
    limits.max_body_bytes = kMaxBytes;
    net::RequestParser parser(limits);
    Received received;
    while (parser.state() == State::kHead || parser.state() == State::kBody) {
      if (waiting_.empty()) waiting_ = client_.read_some();
      if (waiting_.empty()) return std::nullopt;
      const bool is_head = parser.state() == State::kHead;
      const std::size_t taken = parser.feed(waiting_);
      if (is_head) received.raw_head += waiting_.substr(0, taken);
      waiting_.erase(0, taken);
    }
    if (parser.state() == State::kFailed) return std::nullopt;
    received.request = parser.head();
    received.is_upgrade = parser.is_websocket_upgrade();
    received.request.body = parser.take_body();
    return received;
  }

 private:
  Connection& client_;
  std::string waiting_;
};

bool is_of_the_connection(std::string_view name) {
  for (const std::string_view other : {"Host", "Connection", "Content-Length", "Transfer-Encoding",
                                       "Accept-Encoding", "Expect", "Keep-Alive"}) {
    if (std::equal(name.begin(), name.end(), other.begin(), other.end(),
                   [](char a, char b) { return std::tolower(a) == std::tolower(b); }))
      return true;
  }
  return false;
}

std::string head_text(const net::HttpResponse& response, const std::string& framing) {
  std::string text = "HTTP/1.1 " + std::to_string(response.status) + " Status\r\n";
  for (const auto& [name, value] : response.headers.all()) {
    if (!is_of_the_connection(name)) text.append(name).append(": ").append(value).append("\r\n");
  }
  return text + framing + "\r\n\r\n";
}

bool write_response(Connection& client, const net::HttpResponse& response) {
  return client.write(head_text(response, "Content-Length: " + std::to_string(response.body.size())) +
                      response.body);
}

bool write_chunk(Connection& client, std::string_view bytes) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  return client.write(size + std::string(bytes) + "\r\n");
}

const char* reason_of(int status) {
  switch (status) {
    case 409: return "Conflict";
    case 410: return "Expired";
    case 422: return "Invalid";
    case 429: return "TooManyRequests";
    case 501: return "NotImplemented";
    case 503: return "ServiceUnavailable";
    default: return "InternalError";
  }
}

/// A metav1.Status, as API servers explain themselves.
std::string status_text(int status) {
  return nlohmann::json({{"kind", "Status"},
                         {"apiVersion", "v1"},
                         {"metadata", nlohmann::json::object()},
                         {"status", "Failure"},
                         {"message", "made up by the fault proxy"},
                         {"reason", reason_of(status)},
                         {"code", status}})
      .dump();
}

net::HttpResponse foreign(const Fault& fault) {
  net::HttpResponse response{fault.status, {}, "no route\n"};
  response.headers.add("Content-Type", "text/plain");
  return response;
}

net::HttpResponse made_up(const Fault& fault, bool is_watch) {
  net::HttpResponse response{fault.status, {}, status_text(fault.status)};
  if (is_watch && fault.status == 410) {
    response.status = 200;
    response.body = R"({"type":"ERROR","object":)" + response.body + "}\n";
  }
  response.headers.add("Content-Type", "application/json");
  if (fault.retry_after_seconds)
    response.headers.add("Retry-After", std::to_string(*fault.retry_after_seconds));
  return response;
}

Result<std::string> pem_text(const k8s::PemSource& source) {
  if (!source.data.empty() || source.path.empty()) return std::string(source.data.reveal());
  return read_file(source.path, 1u << 20);
}

}  // namespace

Result<Upstream> load_upstream(const std::string& kubeconfig) {
  auto config = k8s::load_kubeconfig({.path = kubeconfig}, [](const char*) { return std::string(); });
  if (!config) return fail(std::move(config).error());
  auto ca = pem_text(config->ca);
  auto certificate = pem_text(config->certificate);
  auto key = pem_text(config->key);
  for (auto* text : {&ca, &certificate, &key}) {
    if (!*text) return fail(std::move(*text).error());
  }
  Upstream upstream;
  upstream.url = config->server;
  upstream.tls.ca_pem = std::move(*ca);
  upstream.tls.certificate_pem = std::move(*certificate);
  upstream.tls.key_pem = Secret(std::move(*key));
  upstream.bearer_token = config->token;
  return upstream;
}

struct Proxy::Impl {
  explicit Impl(Upstream to)
      : upstream(std::move(to)), transport(net::make_curl_transport(transport_options())) {
    accepting = std::jthread([this] { accept(); });
  }

  ~Impl() {
    stop.request_stop();
    listening.interrupt();
    accepting.join();
    {
      const std::lock_guard lock(mutex);
      for (const Connection* connection : open) connection->interrupt();
      changed.notify_all();
    }
    serving.clear();
  }

  net::CurlOptions transport_options() const {
    net::CurlOptions options;
    options.tls = upstream.tls;
    options.user_agent = "kintsugi-fault-proxy";
    options.max_connections_per_host = 256;
    return options;
  }

  void accept() {
    while (auto connection = listening.accept()) {
      if (stop.stop_requested()) return;
      serving.emplace_back(
          [this, client = std::shared_ptr<Connection>(std::move(connection))] { serve(*client); });
    }
  }

  /// Makes a connection one that the destructor ends, while `work` is done.
  template <class Work>
  void while_open(const Connection& connection, const Work& work) {
    {
      const std::lock_guard lock(mutex);
      open.insert(&connection);
      if (stop.stop_requested()) connection.interrupt();
    }
    work();
    const std::lock_guard lock(mutex);
    open.erase(&connection);
  }

  void serve(Connection& client) {
    while_open(client, [&] {
      RequestReader reader(client);
      while (auto received = reader.next()) {
        if (!exchange(client, *received)) break;
      }
      client.interrupt();
    });
  }

  /// One request from its arrival to its end. False: so ends the connection.
  bool exchange(Connection& client, const Received& received) {
    Tracked tracked = arrived(received.request);
    const bool goes_on = !is_cut && treat(client, received, tracked.call);
    tracked.call.is_troubled |= is_cut;
    ended(tracked);
    return goes_on;
  }

  bool treat(Connection& client, const Received& received, Call& call) {
    const std::optional<Rule> rule = choose(call);
    call.is_troubled = rule.has_value();
    if (!rule) return pass(&client, received, call);
    if (rule->fault.kind == Fault::Kind::kDelay)
      return wait(rule->fault.delay) && pass(&client, received, call);
    if (rule->fault.kind == Fault::Kind::kAnswer)
      return write_response(client, made_up(rule->fault, call.is_watch));
    if (rule->fault.kind == Fault::Kind::kForeignAnswer) return write_response(client, foreign(rule->fault));
    if (rule->fault.kind == Fault::Kind::kCutAfter) pass(nullptr, received, call);
    if (rule->hook) rule->hook(call);
    return false;
  }

  /// Passes a request on. The answer goes to `client`; null: nowhere.
  bool pass(Connection* client, const Received& received, Call& call) {
    if (received.is_upgrade) return tunnel(client, received, call);
    return call.is_watch ? stream(client, received, call) : send(client, received, call);
  }

  net::HttpRequest to_upstream(const Received& received) const {
    net::HttpRequest out;
    out.method = received.request.method;
    out.url = upstream.url + received.request.target;
    for (const auto& [name, value] : received.request.headers.all()) {
      if (!is_of_the_connection(name)) out.headers.add(name, value);
    }
    out.bearer_token = upstream.bearer_token;
    out.body = received.request.body;
    out.timeout = 10s;
    out.idle_timeout = kForever;
    out.max_response_bytes = kMaxBytes;
    return out;
  }

  bool send(Connection* client, const Received& received, Call& call) {
    auto response = transport->send(to_upstream(received), stop.get_token());
    if (!response) return false;
    call.status = response->status;
    return client != nullptr && write_response(*client, *response);
  }

  bool stream(Connection* client, const Received& received, Call& call) {
    if (client == nullptr) return false;
    net::HttpRequest request = to_upstream(received);
    request.connection_pool = "watch";
    const auto age = std::chrono::milliseconds(watch_age);
    if (age > 0ms) request.idle_timeout = age;
    const auto end = steady_clock::now() + (age > 0ms ? steady_clock::duration(age) : kForever);
    bool is_heard = true;
    const auto on_head = [&](const net::HttpResponse& head) {
      call.status = head.status;
      return is_heard = client->write(head_text(head, "Transfer-Encoding: chunked"));
    };
    const auto on_body = [&](std::string_view bytes) {
      is_heard = write_chunk(*client, bytes);
      return is_heard && steady_clock::now() < end;
    };
    // A watch that has grown old in silence ends with its idle timeout, which is an error.
    const bool was_answered =
        transport->stream(request, stop.get_token(), on_head, on_body).has_value() || call.status != 0;
    const bool is_orderly = was_answered && is_heard && (age == 0ms || ended_watches++ % 2 == 0);
    return is_orderly && client->write("0\r\n\r\n");
  }

  bool tunnel(Connection* client, const Received& received, Call& call) {
    const auto url = net::parse_url(upstream.url + "/");
    if (!url || url->tls) {
      call.status = 501;
      return client != nullptr &&
             write_response(*client, made_up({.kind = Fault::Kind::kAnswer, .status = 501}, false));
    }
    const auto server = Connection::open(url->host, url->port);
    if (server == nullptr || !server->write(received.raw_head)) return false;
    call.status = 101;
    while_open(*server, [&] {
      if (client != nullptr) return splice(*client, *server);
      (void)server->read_some();  // the upgrade: the command has begun
    });
    return false;
  }

  Tracked arrived(const net::ServerRequest& request) {
    Call call;
    call.method = request.method;
    call.path = request.path;
    call.query = request.query;
    call.body = request.body;
    call.is_watch = ("&" + request.query).find("&watch=") != std::string::npos;
    const std::lock_guard lock(mutex);
    if (!call.is_watch) {
      call.number = ++count;
      ++under_way;
    }
    calls.push_back(call);
    return {call, calls.size() - 1, epoch};
  }

  void ended(const Tracked& tracked) {
    const std::lock_guard lock(mutex);
    if (tracked.epoch == epoch) calls[tracked.slot] = tracked.call;
    if (tracked.call.is_watch) return;
    --under_way;
    last_end = steady_clock::now();
    changed.notify_all();
  }

  std::optional<Rule> choose(const Call& call) {
    const std::lock_guard lock(mutex);
    return rules.choose(call);
  }

  bool wait(std::chrono::milliseconds delay) {
    std::unique_lock lock(mutex);
    return !changed.wait_for(lock, delay, [this] { return stop.stop_requested(); });
  }

  const Upstream upstream;
  const ListeningSocket listening;
  std::unique_ptr<net::HttpTransport> transport;
  std::stop_source stop;
  std::atomic<std::chrono::milliseconds::rep> watch_age{0};
  std::atomic<unsigned> ended_watches{0};
  std::atomic<bool> is_cut{false};
  mutable std::mutex mutex;
  mutable std::condition_variable changed;
  // Guarded by mutex.
  std::set<const Connection*> open;
  RuleBook rules;
  std::vector<Call> calls;
  std::size_t count = 0;
  std::size_t epoch = 0;
  std::size_t under_way = 0;
  steady_clock::time_point last_end = steady_clock::now();

  std::list<std::jthread> serving;  ///< of the accepting thread; after that of the destructor
  std::jthread accepting;
};

Proxy::Proxy(Upstream upstream) : impl_(std::make_unique<Impl>(std::move(upstream))) {}

Proxy::~Proxy() = default;

std::string Proxy::url() const {
  return "http://127.0.0.1:" + std::to_string(impl_->listening.port());
}

void Proxy::begin(std::vector<Rule> rules, std::uint64_t seed) {
  const std::lock_guard lock(impl_->mutex);
  impl_->rules = RuleBook(std::move(rules), seed);
  impl_->calls.clear();
  impl_->count = 0;
  ++impl_->epoch;
}

void Proxy::end_watches_after(std::chrono::milliseconds age) {
  impl_->watch_age = age.count();
}

void Proxy::cut() {
  impl_->is_cut = true;
  const std::lock_guard lock(impl_->mutex);
  for (const Connection* connection : impl_->open) connection->interrupt();
}

void Proxy::restore() {
  impl_->is_cut = false;
}

std::vector<Call> Proxy::calls() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->calls;
}

bool Proxy::wait_quiet(std::chrono::milliseconds quiet, std::chrono::milliseconds patience) const {
  const auto deadline = steady_clock::now() + patience;
  std::unique_lock lock(impl_->mutex);
  while (true) {
    const auto now = steady_clock::now();
    if (impl_->under_way == 0 && now >= impl_->last_end + quiet) return true;
    if (now >= deadline) return false;
    impl_->changed.wait_until(lock,
                              impl_->under_way == 0 ? std::min(deadline, impl_->last_end + quiet) : deadline);
  }
}

}  // namespace kintsugi::faults
