// SPDX-License-Identifier: Apache-2.0
#include "base/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "base/descriptor.h"

namespace kintsugi {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kMaxInput = 4096;  // fits into a pipe that nobody reads
/// How late an end or a stop is seen where nothing is written.
constexpr milliseconds kSlice{10};

Error cannot(const char* what, int error) {
  return make_error(ErrorCode::kInternal, std::string("cannot ") + what + ": " + std::strerror(error));
}

struct Pipe {
  Descriptor read_end, write_end;

  bool open() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
    return true;
  }
};

/// What posix_spawn() is told; released on destruction.
class SpawnSettings {
 public:
  SpawnSettings(int input, int output) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_adddup2(&actions_, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions_, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
    posix_spawnattr_init(&attributes_);
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(&attributes_,
                             POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// A child that is killed, with its group, and reaped unless it has been seen to end.
class Child {
 public:
  explicit Child(pid_t process) : process_(process) {}
  ~Child() {
    if (ended_) return;
    ::kill(-process_, SIGKILL);
    wait(0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  bool has_ended() { return ended_ || wait(WNOHANG); }
  /// Of a child that has ended.
  int exit_status() const { return WIFEXITED(status_) ? WEXITSTATUS(status_) : -1; }

 private:
  bool wait(int flags) {
    pid_t got = 0;
    do {
      got = ::waitpid(process_, &status_, flags);
    } while (got < 0 && errno == EINTR);
    ended_ = got != 0;  // where somebody else reaped it, it is gone as well
    if (got < 0) status_ = SIGKILL;
    return ended_;
  }

  const pid_t process_;
  int status_ = 0;
  bool ended_ = false;
};

Result<pid_t> spawn(const ChildProgram& program, int input, int output) {
  std::vector<std::string> arguments = program.arguments;
  arguments.insert(arguments.begin(), program.path);
  std::vector<std::string> environment = program.environment;
  const SpawnSettings settings(input, output);
  pid_t process = 0;
  const int error = ::posix_spawn(&process, program.path.c_str(), settings.actions(), settings.attributes(),
                                  pointers_to(arguments).data(), pointers_to(environment).data());
  if (error != 0) return fail(cannot("start the program", error));
  return process;
}

/// Adds to `text` what can be read without waiting. False at the end of the output or at its limit.
bool read_available(int descriptor, std::string& text, std::size_t limit) {
  while (text.size() < limit) {
    const std::size_t old_size = text.size();
    text.resize(limit);  // the capacity is there: no copy is left behind
    const ssize_t count = ::read(descriptor, text.data() + old_size, limit - old_size);
    const int error = errno;
    text.resize(old_size + std::size_t(std::max<ssize_t>(count, 0)));
    if (count < 0 && error == EINTR) continue;
    if (count <= 0) return count < 0 && error == EAGAIN;
  }
  return false;
}

Result<ChildOutput> collect(Child& child, int output, const ChildProgram& program,
                            const std::stop_token& stop) {
  const auto deadline = steady_clock::now() + program.timeout;
  const std::size_t limit = program.max_output + 1;
  std::string text;
  text.reserve(limit);
  for (bool open = true;;) {
    const bool ended = child.has_ended();  // before reading: what it wrote is there by then
    if (open) open = read_available(output, text, limit);
    if (text.size() == limit) {
      const Secret wiped(std::move(text));
      return fail(make_error(ErrorCode::kTooLarge, "the program writes too much"));
    }
    if (ended) return ChildOutput{child.exit_status(), Secret(std::move(text))};
    if (stop.stop_requested()) return fail(make_error(ErrorCode::kCancelled, "stopped"));
    if (steady_clock::now() >= deadline)
      return fail(make_error(ErrorCode::kTimeout, "the program does not end"));
    pollfd readable{open ? output : -1, POLLIN, 0};
    ::poll(&readable, 1, int(kSlice.count()));
  }
}

}  // namespace

Result<ChildOutput> run_child(const ChildProgram& program, const std::stop_token& stop) {
  Pipe input, output;
  if (program.input.size() > kMaxInput) return fail(ErrorCode::kInvalidInput, "too much input for a program");
  if (!input.open() || !output.open()) return fail(cannot("make a pipe", errno));
  ::fcntl(output.read_end.get(), F_SETFL, O_NONBLOCK);
  // All of it now, while this process has the other end too: no reader can be gone, no SIGPIPE can come.
  if (::write(input.write_end.get(), program.input.data(), program.input.size()) !=
      ssize_t(program.input.size()))
    return fail(cannot("write to a pipe", errno));
  input.write_end.reset();
  const auto process = spawn(program, input.read_end.get(), output.write_end.get());
  if (!process) return fail(process.error());
  output.write_end.reset();
  input.read_end.reset();
  Child child(*process);
  return collect(child, output.read_end.get(), program, stop);
}

}  // namespace kintsugi
