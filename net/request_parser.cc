// SPDX-License-Identifier: Apache-2.0
#include "net/request_parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include "net/header_rules.h"

namespace kintsugi::net {
namespace {

namespace http = boost::beast::http;

constexpr std::uint32_t kMaxHeaderCount = 128;

int status_of(const boost::system::error_code& error) {
  if (error == http::error::header_limit) return 431;
  if (error == http::error::body_limit) return 413;
  return 400;
}

}  // namespace

struct RequestParser::Impl {
  http::request_parser<http::string_body> parser;
  std::uint64_t max_body_bytes = 0;
};

RequestParser::RequestParser(const ServerLimits& limits) : impl_(std::make_unique<Impl>()) {
  impl_->parser.header_limit(std::uint32_t(limits.max_header_bytes));
  impl_->parser.body_limit(limits.max_body_bytes);
  impl_->parser.eager(false);
  impl_->max_body_bytes = limits.max_body_bytes;
}

RequestParser::~RequestParser() = default;
RequestParser::RequestParser(RequestParser&&) noexcept = default;
RequestParser& RequestParser::operator=(RequestParser&&) noexcept = default;

std::size_t RequestParser::feed(std::string_view input) {
  std::size_t taken = 0;
  while (taken < input.size() && (state() == State::kHead || state() == State::kBody)) {
    const bool was_head = state() == State::kHead;
    boost::system::error_code error;
    const std::size_t step =
        impl_->parser.put(boost::asio::buffer(input.data() + taken, input.size() - taken), error);
    taken += step;
    if (error == http::error::need_more) break;
    if (error) {
      failure_status_ = status_of(error);
      break;
    }
    if (was_head && impl_->parser.is_header_done()) {
      check_head();
      break;
    }
    if (step == 0) break;
  }
  return taken;
}

RequestParser::State RequestParser::state() const {
  if (failure_status_ != 0) return State::kFailed;
  if (!impl_->parser.is_header_done()) return State::kHead;
  return impl_->parser.is_done() ? State::kComplete : State::kBody;
}

void RequestParser::check_head() {
  const auto& request = impl_->parser.get();
  impl_->parser.eager(true);
  const auto hosts = request.count(http::field::host);
  const auto codings = request.equal_range(http::field::transfer_encoding);
  const std::string_view target(request.target().data(), request.target().size());
  if (request.version() > 11 || request.version() < 10) {
    failure_status_ = 505;
  } else if (hosts > 1 || (hosts == 0 && request.version() == 11) || target.empty() ||
             std::distance(request.begin(), request.end()) > std::ptrdiff_t(kMaxHeaderCount)) {
    failure_status_ = 400;
  } else if (codings.first != codings.second && !impl_->parser.chunked()) {
    failure_status_ = 501;  // a coding that we do not read
  } else if (impl_->parser.chunked() && request.count(http::field::content_length) > 0) {
    failure_status_ = 400;
  }
}

ServerRequest RequestParser::head() const {
  const auto& request = impl_->parser.get();
  ServerRequest head;
  head.method = std::string(request.method_string());
  head.target = std::string(request.target());
  const std::size_t question = std::min(head.target.find('?'), head.target.size());
  head.path = head.target.substr(0, question);
  if (question < head.target.size()) head.query = head.target.substr(question + 1);
  for (const auto& field : request)
    head.headers.add(std::string(field.name_string()), std::string(field.value()));
  return head;
}

bool RequestParser::keep_alive() const {
  return impl_->parser.keep_alive();
}

bool RequestParser::http_1_0() const {
  return impl_->parser.get().version() == 10;
}

bool RequestParser::expects_continue() const {
  const auto value = impl_->parser.get()[http::field::expect];
  return !http_1_0() && equals_ignoring_case({value.data(), value.size()}, "100-continue");
}

bool RequestParser::is_websocket_upgrade() const {
  return boost::beast::websocket::is_upgrade(impl_->parser.get());
}

std::uint64_t RequestParser::missing_body_bytes() const {
  if (impl_->parser.is_done()) return 0;
  return impl_->parser.content_length_remaining().value_or(impl_->max_body_bytes);
}

std::string RequestParser::take_body() {
  return std::move(impl_->parser.get().body());
}

}  // namespace kintsugi::net
