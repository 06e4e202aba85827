// SPDX-License-Identifier: Apache-2.0
#include "net/unix_socket.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include "base/testing/scratch_directory.h"
#include "net/test_server.h"
#include "net/testing/raw_socket.h"

namespace kintsugi::net {
namespace {

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  return address;
}

RawConnection connect_to(const std::string& path) {
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_un address = address_of(path);
  REQUIRE(::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  return RawConnection(descriptor);
}

/// A socket's file whose process is gone.
void leave_stale(const std::string& path) {
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_un address = address_of(path);
  REQUIRE(::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(descriptor, 1) == 0);
  ::close(descriptor);
}

mode_t mode_of(const std::string& path) {
  struct stat status{};
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_mode;
}

bool exists(const std::string& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0;
}

/// What a server says that is to listen there; nothing: it does.
std::optional<Error> refusal_of(const std::string& path) {
  SystemClock clock;
  Logger log(clock, LogLevel::kError, [](std::string_view) {});
  const auto server = start_http_server({.unix_socket = path, .handle = echo_handler()}, log);
  return server ? std::nullopt : std::optional(server.error());
}

ServerOptions showing_peers(const std::string& path) {
  return {.unix_socket = path,
          .handle = [](const ServerRequest& request, std::unique_ptr<Responder> responder) {
            const std::string uid = request.peer_uid ? std::to_string(*request.peer_uid) : "none";
            responder->respond(text_response(200, uid + "; " + request.peer));
          }};
}

}  // namespace

TEST_CASE("a server on a unix socket answers, and knows whose process asks", "[unix]") {
  const ScratchDirectory place;
  const std::string path = place / "control.sock";
  TestServer server(showing_peers(path));
  CHECK(server.port() == 0);
  CHECK(mode_of(path) == (S_IFSOCK | 0600));
  const auto transport = make_curl_transport({.unix_socket = path});
  for (int i = 0; i < 3; ++i) {
    const auto answer = transport->send(get("http://localhost/a?b=c"), {});
    REQUIRE(answer);
    CHECK(answer->body == std::to_string(::geteuid()) + "; uid " + std::to_string(::geteuid()) + ", pid " +
                              std::to_string(::getpid()));
  }
}

TEST_CASE("over TCP no user is known", "[unix]") {
  TestServer server({.handle = [](const ServerRequest& request, std::unique_ptr<Responder> responder) {
    responder->respond(text_response(request.peer_uid ? 500 : 200, request.peer));
  }});
  const auto answer = make_curl_transport({})->send(get(server.url()), {});
  REQUIRE(answer);
  CHECK(answer->status == 200);
  CHECK(answer->body.starts_with("127.0.0.1:"));
}

TEST_CASE("a unix socket carries pipelined requests, large bodies and refusals", "[unix]") {
  const ScratchDirectory place;
  const std::string path = place / "s";
  TestServer server({.unix_socket = path, .limits = {.max_body_bytes = 300'000}, .handle = echo_handler()});
  const std::string body(250'000, 'x');
  const auto transport = make_curl_transport({.unix_socket = path});
  const auto answer = transport->send(post("http://localhost/p", body), {});
  REQUIRE(answer);
  CHECK(answer->body == "POST /p " + body);
  const auto refused = transport->send(post("http://localhost/p", body + body), {});
  REQUIRE(refused);
  CHECK(refused->status == 413);
  RawConnection raw = connect_to(path);
  raw.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const std::string answers = raw.read_to_end();
  CHECK(answers.find("GET /1 ") < answers.find("GET /2 "));
  CHECK(answers.find("GET /2 ") != std::string::npos);
}

TEST_CASE("the mode of the socket does not depend on the umask", "[unix]") {
  const ScratchDirectory place;
  for (const mode_t mask : {0000u, 0022u, 0777u}) {
    const mode_t before = ::umask(mask);
    auto file = UnixSocketFile::listen(place / "s");
    ::umask(before);
    REQUIRE(file);
    CHECK(mode_of(place / "s") == (S_IFSOCK | 0600));
  }
}

TEST_CASE("the file of the socket goes with the server, and at once with stop()", "[unix]") {
  const ScratchDirectory place;
  const std::string path = place / "s";
  {
    TestServer server({.unix_socket = path, .handle = echo_handler()});
    CHECK(exists(path));
    server->stop(std::chrono::milliseconds(0));
    CHECK_FALSE(exists(path));
    server->stop(std::chrono::milliseconds(0));
  }
  {
    TestServer again({.unix_socket = path, .handle = echo_handler()});
  }
  CHECK_FALSE(exists(path));
}

TEST_CASE("the socket that a crash left is replaced", "[unix]") {
  const ScratchDirectory place;
  const std::string path = place / "s";
  leave_stale(path);
  TestServer server({.unix_socket = path, .handle = echo_handler()});
  const auto answer = make_curl_transport({.unix_socket = path})->send(get("http://localhost/"), {});
  REQUIRE(answer);
  CHECK(answer->status == 200);
}

TEST_CASE("a socket on which somebody answers is not taken from them", "[unix]") {
  const ScratchDirectory place;
  const std::string path = place / "s";
  TestServer server(showing_peers(path));
  const auto error = refusal_of(path);
  REQUIRE(error);
  CHECK(error->code == ErrorCode::kUnavailable);
  CHECK(error->object == path);
  CHECK(error->message.find("in use") != std::string::npos);
  CHECK(make_curl_transport({.unix_socket = path})->send(get("http://localhost/"), {}).has_value());
}

TEST_CASE("a socket that became another's stays", "[unix]") {
  const ScratchDirectory place;
  const std::string path = place / "s";
  auto file = UnixSocketFile::listen(path);
  REQUIRE(file);
  REQUIRE(::unlink(path.c_str()) == 0);
  leave_stale(path);
  (*file)->remove();
  CHECK(exists(path));
}

TEST_CASE("while another process makes a socket in the directory, nobody else does", "[unix]") {
  const ScratchDirectory place;
  const int directory = ::open(place.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  REQUIRE(::flock(directory, LOCK_EX | LOCK_NB) == 0);
  const auto error = refusal_of(place / "s");
  ::close(directory);
  REQUIRE(error);
  CHECK(error->code == ErrorCode::kUnavailable);
  CHECK(error->retryable);
  CHECK_FALSE(refusal_of(place / "s"));
}

TEST_CASE("a path that cannot be a socket is refused, and what is there stays", "[unix]") {
  const ScratchDirectory place;
  std::ofstream(place / "file") << "precious";
  std::filesystem::create_directory(place / "directory");
  std::filesystem::create_symlink(place / "file", place / "link");
  leave_stale(place / "target");
  std::filesystem::create_symlink(place / "target", place / "link-to-socket");
  struct Case {
    std::string path;
    ErrorCode code;
    std::string words;
  };
  const Case cases[] = {
      {place / std::string(108, 'x'), ErrorCode::kInvalidInput, "more than the 107"},
      {place / std::string("a\0b", 3), ErrorCode::kInvalidInput, "zero byte"},
      {place / "file", ErrorCode::kInvalidInput, "something else than a socket"},
      {place / "directory", ErrorCode::kInvalidInput, "something else than a socket"},
      {place / "link", ErrorCode::kInvalidInput, "something else than a socket"},
      {place / "link-to-socket", ErrorCode::kInvalidInput, "something else than a socket"},
      {place / "missing/s", ErrorCode::kUnavailable, "cannot open the socket's directory"},
      {place / "file/s", ErrorCode::kUnavailable, "cannot open the socket's directory"},
  };
  for (const Case& c : cases) {
    INFO(c.path);
    const auto error = refusal_of(c.path);
    REQUIRE(error);
    CHECK(error->code == c.code);
    CHECK(error->message.find(c.words) != std::string::npos);
  }
  std::string content;
  std::ifstream(place / "file") >> content;
  CHECK(content == "precious");
  CHECK(exists(place / "target"));
  CHECK_FALSE(check_unix_path(""));
}

TEST_CASE("the longest path that the kernel takes is taken", "[unix]") {
  const ScratchDirectory place;
  const std::string path = place / std::string(kMaxUnixPathBytes - place.path().size() - 1, 'x');
  REQUIRE(path.size() == kMaxUnixPathBytes);
  TestServer server({.unix_socket = path, .handle = echo_handler()});
  CHECK(make_curl_transport({.unix_socket = path})->send(get("http://localhost/"), {}).has_value());
}

TEST_CASE("a client says why a unix socket cannot be reached", "[unix]") {
  const ScratchDirectory place;
  leave_stale(place / "stale");
  for (const std::string& path : {place / "stale", place / "missing"}) {
    const auto answer = make_curl_transport({.unix_socket = path})->send(get("http://localhost/"), {});
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == ErrorCode::kUnavailable);
    CHECK_FALSE(answer.error().outcome_unknown);
    INFO(answer.error().to_string());
    CHECK(answer.error().message.find("cannot connect") != std::string::npos);
  }
}

}  // namespace kintsugi::net
