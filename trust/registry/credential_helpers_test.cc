// SPDX-License-Identifier: Apache-2.0
#include "trust/registry/credential_helpers.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <filesystem>
#include <thread>

#include "base/file.h"
#include "base/testing/scratch_directory.h"
#include "trust/crypto/reasons.h"

using namespace kintsugi;
using namespace kintsugi::trust;
using namespace std::chrono_literals;

namespace {

/// A directory with helpers that are shell scripts.
struct Fixture {
  void write(const std::string& script,
             std::filesystem::perms mode = std::filesystem::perms::owner_all) const {
    const std::string path = directory / "docker-credential-test";
    REQUIRE(write_file_durably(path, "#!/bin/sh\n" + script));
    std::filesystem::permissions(path, mode);
  }
  Result<std::optional<RegistryCredential>> get(const std::string& name = "test",
                                                std::chrono::milliseconds patience = 30s) const {
    return make_credential_helpers(surroundings, clock)
        ->get(name, "r.example.com", {clock.monotonic() + patience, stop.get_token()});
  }
  std::string error(const std::string& name = "test") const {
    const auto credential = get(name);
    if (credential) return "none";
    CHECK(credential.error().reason == reason::kRegistryUnauthorized);
    CHECK(credential.error().to_string().find("hunter2") == std::string::npos);
    return credential.error().message;
  }
  static bool has_children() { return ::waitpid(-1, nullptr, WNOHANG) != -1 || errno != ECHILD; }

  ScratchDirectory directory;
  HelperSurroundings surroundings{{directory.path()}, {"PATH=/usr/bin:/bin", "MARK=one"}, 5s};
  SystemClock clock;
  std::stop_source stop;
};

constexpr char kAnswer[] = R"(echo '{"ServerURL":"r.example.com","Username":"user","Secret":"hunter2"}')";

}  // namespace

TEST_CASE("a helper gets the server on its standard input and answers with a credential") {
  const Fixture fixture;
  fixture.write(std::string("[ \"$1\" = get ] && [ $# = 1 ] && [ \"$(cat)\" = r.example.com ] || exit 3\n"
                            "echo hunter2 noise >&2\n") +
                kAnswer);
  const auto credential = fixture.get();
  REQUIRE(credential);
  REQUIRE(*credential);
  CHECK((*credential)->username == "user");
  CHECK((*credential)->secret.reveal() == "hunter2");
  CHECK((*credential)->kind == RegistryCredential::Kind::kPassword);
  CHECK_FALSE(Fixture::has_children());
}

TEST_CASE("a helper that reads nothing, or forks, is no trouble") {
  const Fixture fixture;
  fixture.write(std::string("exec <&-\nsleep 30 &\n") + kAnswer);
  const auto start = std::chrono::steady_clock::now();
  CHECK(fixture.get());
  CHECK(std::chrono::steady_clock::now() - start < 5s);
}

TEST_CASE("a helper sees its own environment and no descriptors of ours") {
  const Fixture fixture;
  ::setenv("KINTSUGI_TEST_SECRET", "hunter2", 1);
  const int leaked = ::fcntl(0, F_DUPFD, 100);
  fixture.write("[ \"$MARK\" = one ] && [ -z \"$KINTSUGI_TEST_SECRET\" ] || exit 3\n[ ! -e /proc/self/fd/" +
                std::to_string(leaked) + " ] || exit 4\n" + kAnswer);
  CHECK(fixture.error() == "none");
  ::close(leaked);
  ::unsetenv("KINTSUGI_TEST_SECRET");
}

TEST_CASE("a helper that keeps nothing is no error") {
  const Fixture fixture;
  fixture.write("echo 'credentials not found in native keychain'; exit 1");
  const auto credential = fixture.get();
  REQUIRE(credential);
  CHECK_FALSE(*credential);
}

TEST_CASE("a helper that fails is an error that does not repeat what it wrote") {
  const Fixture fixture;
  const auto& [script, message] = GENERATE(table<std::string, std::string>({
      {"echo hunter2; exit 1", "exit status 1"},
      {"echo 'credentials not found in native keychain'", "its answer is no credential"},
      {"echo hunter2", "its answer is no credential"},
      {"exit 0", "its answer is no credential"},
      {"echo hunter2; kill -9 $$", "exit status -1"},
      {"head -c 70000 /dev/zero; sleep 30", "the program writes too much"},
      {"exec cat /dev/zero", "the program writes too much"},
      {"exec /nonexistent/program", "exit status 127"},
  }));
  INFO(script);
  fixture.write(script);
  CHECK(fixture.error() == "docker-credential-test: " + message);
  CHECK_FALSE(Fixture::has_children());
}

TEST_CASE("a helper that does not end is killed, with what it started") {
  Fixture fixture;
  fixture.surroundings.timeout = 200ms;
  const std::string mark = fixture.directory / "mark";
  fixture.write(GENERATE(as<std::string>(), "sleep 30", "trap '' TERM; exec >&-; sleep 30",
                         "while :; do :; done",
                         "(sleep 1; echo > " + std::string("$(dirname $0)/mark") + ") & sleep 30"));
  const auto start = std::chrono::steady_clock::now();
  CHECK(fixture.error() == "docker-credential-test: the program does not end");
  CHECK(std::chrono::steady_clock::now() - start < 3s);
  CHECK_FALSE(Fixture::has_children());
  std::this_thread::sleep_for(1200ms);
  CHECK_FALSE(std::filesystem::exists(mark));
}

TEST_CASE("deadline and stop end a helper") {
  Fixture fixture;
  fixture.write("sleep 30");
  CHECK_FALSE(fixture.get("test", 100ms));
  CHECK_FALSE(fixture.get("test", 0ms));
  std::jthread stopper([&] {
    std::this_thread::sleep_for(100ms);
    fixture.stop.request_stop();
  });
  const auto start = std::chrono::steady_clock::now();
  CHECK_FALSE(fixture.get());
  CHECK(std::chrono::steady_clock::now() - start < 3s);
  CHECK_FALSE(Fixture::has_children());
}

TEST_CASE("only programs in absolute directories, by names that are names, are executed") {
  Fixture fixture;
  const std::string missing = "docker-credential-test: not found in an absolute directory of PATH";
  CHECK(fixture.error() == missing);
  fixture.write(kAnswer, std::filesystem::perms::owner_read);
  if (::geteuid() != 0) CHECK(fixture.error() == missing);
  fixture.write(kAnswer);
  CHECK(fixture.error() == "none");
  for (const std::string name : {"", "../test", "te st", "test;id", "Test", "t\u00e9st", "a/b", "$(id)", "."})
    CHECK(fixture.error(name) == "a credential helper: its name is none");
  CHECK_FALSE(is_helper_name(std::string(65, 'a')));
  CHECK(is_helper_name("ecr-login2"));
  const auto old = std::filesystem::current_path();
  std::filesystem::current_path(fixture.directory.path());
  fixture.surroundings.directories = {".", "", "bin"};
  CHECK(fixture.error() == missing);
  std::filesystem::current_path(old);
  std::filesystem::remove(fixture.directory / "docker-credential-test");
  std::filesystem::create_directory(fixture.directory / "docker-credential-test");
  fixture.surroundings.directories = {fixture.directory.path()};
  CHECK(fixture.error() == missing);
}

TEST_CASE("surroundings come from PATH and a few variables") {
  const auto read = [](const char* name) -> std::string {
    if (std::string(name) == "PATH") return "bin:/usr/bin::./x:/opt/a b:";
    if (std::string(name) == "HOME") return "/home/u";
    return std::string(name).find("SECRET") == std::string::npos ? "" : "hunter2";
  };
  const auto surroundings = helper_surroundings(read);
  CHECK(surroundings.directories == std::vector<std::string>{"/usr/bin", "/opt/a b"});
  CHECK(surroundings.environment ==
        std::vector<std::string>{"PATH=bin:/usr/bin::./x:/opt/a b:", "HOME=/home/u"});
  CHECK(helper_surroundings([](const char*) { return std::string(); }).directories.empty());
}

TEST_CASE("answers of helpers are read strictly") {
  CHECK(parse_helper_answer(R"({"Username":"<token>","Secret":"abc"})")->kind ==
        RegistryCredential::Kind::kIdentityToken);
  const std::string bad =
      GENERATE("", "{}", "[]", R"({"Username":"u"})", R"({"Secret":"s"})", R"({"Username":"","Secret":"s"})",
               R"({"Username":"u","Secret":""})", R"({"Username":"u:v","Secret":"s"})",
               R"({"Username":1,"Secret":"s"})", R"({"Username":"u","Secret":["s"]})",
               R"({"Username":"<token>","Secret":"a b"})", R"({"Username":"<token>","Secret":""})",
               R"({"Username":"u","Secret":"s"} x)", R"({"Username":"u","Username":"v","Secret":"s"})",
               R"({"username":"u","secret":"s"})");
  INFO(bad);
  CHECK_FALSE(parse_helper_answer(bad));
  CHECK_FALSE(parse_helper_answer(R"({"Secret":"s","Username":")" + std::string(2000, 'u') + "\"}"));
}
