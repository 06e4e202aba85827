// SPDX-License-Identifier: Apache-2.0
#include "net/curl_loop.h"

#include <curl/curl.h>

#include <algorithm>

#include "net/curl_error.h"
#include "net/io_thread.h"

namespace kintsugi::net {
namespace {

/// Longer than libcurl keeps an idle connection (CURLOPT_MAXAGE_CONN, 118 s), so that nothing useful is lost.
constexpr auto kPoolIdleTime = std::chrono::seconds(150);
constexpr int kMaxPollMilliseconds = 30'000;

std::string lane_key_of(const CurlExchange& exchange) {
  return exchange.request().connection_pool + (exchange.url().tls ? " https " : " http ") +
         exchange.url().authority();
}

}  // namespace

CurlLoop::Pool::Pool(MonotonicTime now) : share(curl_share_init()), last_used(now) {
  curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT);
}

CurlLoop::Pool::~Pool() {
  curl_share_cleanup(share);
}

CurlLoop::CurlLoop(CurlOptions options) : options_(std::move(options)), multi_(curl_multi_init()) {
  curl_multi_setopt(multi_, CURLMOPT_PIPELINING, long{CURLPIPE_NOTHING});
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, long(options_.max_connections_per_host * 2));
  thread_ = start_io_thread("curl", [this] { run(); });
}

CurlLoop::~CurlLoop() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  curl_multi_wakeup(multi_);
  thread_.join();
  pools_.clear();  // closes the connections, which still refer to the multi handle
  curl_multi_cleanup(multi_);
}

void CurlLoop::start(std::shared_ptr<CurlExchange> exchange) {
  post(Verb::kStart, std::move(exchange));
}
void CurlLoop::cancel(std::shared_ptr<CurlExchange> exchange) {
  post(Verb::kCancel, std::move(exchange));
}
void CurlLoop::resume(std::shared_ptr<CurlExchange> exchange) {
  post(Verb::kResume, std::move(exchange));
}

void CurlLoop::post(Verb verb, std::shared_ptr<CurlExchange> exchange) {
  {
    const std::lock_guard lock(mutex_);
    commands_.push_back({verb, std::move(exchange)});
  }
  curl_multi_wakeup(multi_);
}

void CurlLoop::run() {
  while (take_commands()) {
    start_waiting();
    int running = 0;
    curl_multi_perform(multi_, &running);
    collect_finished();
    end_overdue();
    start_waiting();
    drop_idle_pools();
    curl_multi_poll(multi_, nullptr, 0, poll_milliseconds(), nullptr);
  }
}

bool CurlLoop::take_commands() {
  std::vector<Command> commands;
  {
    const std::lock_guard lock(mutex_);
    if (closing_) return false;
    commands.swap(commands_);
  }
  for (const Command& command : commands) handle(command);
  return true;
}

void CurlLoop::handle(const Command& command) {
  CurlExchange& exchange = *command.exchange;
  if (exchange.ended()) return;
  switch (command.verb) {
    case Verb::kStart:
      lanes_[lane_key_of(exchange)].waiting[std::size_t(exchange.request().priority)].push_back(
          command.exchange);
      break;
    case Verb::kCancel: end(exchange, cancelled_error(exchange)); break;
    case Verb::kResume:
      exchange.resume(now());
      if (const auto found = running_.find(&exchange); found != running_.end()) {
        curl_easy_pause(found->second.easy->handle(), CURLPAUSE_CONT);
      }
      break;
  }
}

void CurlLoop::start_waiting() {
  for (auto lane = lanes_.begin(); lane != lanes_.end();) {
    start_waiting(lane->first, lane->second);
    const bool idle = lane->second.running == 0;
    lane = idle ? lanes_.erase(lane) : std::next(lane);
  }
}

void CurlLoop::start_waiting(const std::string& lane_key, Lane& lane) {
  for (auto& queue : lane.waiting) {
    while (!queue.empty() && lane.running < options_.max_connections_per_host) {
      const std::shared_ptr<CurlExchange> exchange = std::move(queue.front());
      queue.pop_front();
      if (!exchange->ended()) launch(lane_key, lane, exchange);
    }
  }
}

void CurlLoop::launch(const std::string& lane_key, Lane& lane, std::shared_ptr<CurlExchange> exchange) {
  Pool& pool = pool_of(*exchange);
  Result<std::unique_ptr<CurlEasy>> easy = CurlEasy::make(*exchange, options_, pool.share, clock_);
  if (!easy) return exchange->finish(easy.error());
  const CURLMcode added = curl_multi_add_handle(multi_, (*easy)->handle());
  if (added != CURLM_OK)
    return exchange->finish(make_error(ErrorCode::kInternal, curl_multi_strerror(added)));
  ++pool.users;
  ++lane.running;
  running_.emplace(exchange.get(), Running{exchange, std::move(*easy), lane_key});
}

void CurlLoop::collect_finished() {
  int left = 0;
  while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    void* easy = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &easy);
    const CurlEasy& finished = *static_cast<CurlEasy*>(easy);
    end(finished.exchange(), finished.error_of(message->data.result));
  }
}

void CurlLoop::end(CurlExchange& exchange, std::optional<Error> error) {
  const auto found = running_.find(&exchange);
  if (found == running_.end()) return exchange.finish(std::move(error));
  Running running = std::move(found->second);
  running_.erase(found);
  curl_multi_remove_handle(multi_, running.easy->handle());
  running.easy.reset();  // before the calling thread may drop its request
  Pool& pool = pool_of(exchange);
  --pool.users;
  pool.last_used = now();
  --lanes_[running.lane].running;
  exchange.finish(std::move(error));
}

void CurlLoop::end_overdue() {
  const MonotonicTime current = now();
  std::vector<std::shared_ptr<CurlExchange>> overdue;
  for (const auto& [key, running] : running_) {
    if (running.exchange->deadline() <= current) overdue.push_back(running.exchange);
  }
  for (auto& [key, lane] : lanes_) {
    for (auto& queue : lane.waiting) {
      std::erase_if(queue, [](const auto& exchange) { return exchange->ended(); });
      std::copy_if(queue.begin(), queue.end(), std::back_inserter(overdue),
                   [&](const auto& exchange) { return exchange->deadline() <= current; });
    }
  }
  for (const auto& exchange : overdue) end(*exchange, timeout_error(*exchange));
}

void CurlLoop::drop_idle_pools() {
  const MonotonicTime oldest = now() - kPoolIdleTime;
  std::erase_if(
      pools_, [&](const auto& entry) { return entry.second.users == 0 && entry.second.last_used < oldest; });
}

int CurlLoop::poll_milliseconds() const {
  MonotonicTime nearest = MonotonicTime::max();
  for (const auto& [key, running] : running_) nearest = std::min(nearest, running.exchange->deadline());
  for (const auto& [key, lane] : lanes_) {
    for (const auto& queue : lane.waiting) {
      for (const auto& exchange : queue) nearest = std::min(nearest, exchange->deadline());
    }
  }
  const MonotonicTime current = now();
  if (nearest <= current) return 0;
  if (nearest - current > std::chrono::milliseconds(kMaxPollMilliseconds)) return kMaxPollMilliseconds;
  return int(std::chrono::ceil<std::chrono::milliseconds>(nearest - current).count());
}

CurlLoop::Pool& CurlLoop::pool_of(const CurlExchange& exchange) {
  return pools_.try_emplace(exchange.request().connection_pool, now()).first->second;
}

}  // namespace kintsugi::net
