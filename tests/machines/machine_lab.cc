// SPDX-License-Identifier: Apache-2.0
#include "tests/machines/machine_lab.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <sstream>

namespace kintsugi::machines {
namespace {

constexpr std::chrono::seconds kPatience{15};

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) FAIL(name << " is not set: run this by tests/lab/with-machines.sh");
  return value;
}

bool run(const std::string& command) {
  return std::system(command.c_str()) == 0;  // NOLINT(concurrency-mt-unsafe): nothing changes the environment
}

/// What a command prints.
std::string output_of(const std::string& command) {
  std::FILE* pipe = ::popen(command.c_str(), "re");
  REQUIRE(pipe != nullptr);
  std::string text;
  std::array<char, 4096> piece{};
  for (std::size_t size = 0; (size = std::fread(piece.data(), 1, piece.size(), pipe)) > 0;)
    text.append(piece.data(), size);
  ::pclose(pipe);
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

std::string output_inside(const std::string& command) {
  return output_of(environment("KINTSUGI_VM_LAB") + " inside " + command + " 2> /dev/null");
}

/// Another script of the lab.
std::string beside_lab(const std::string& script) {
  const std::string lab_script = environment("KINTSUGI_VM_LAB");
  return lab_script.substr(0, lab_script.rfind('/') + 1) + script;
}

}  // namespace

std::string uri() {
  return environment("KINTSUGI_LIBVIRT_URI");
}

bool lab_is_as_installed() {
  return std::getenv("LAB_AS_INSTALLED") != nullptr;
}

bool lab(const std::string& arguments) {
  return run(environment("KINTSUGI_VM_LAB") + " " + arguments + " 2> /dev/null");
}

std::string second_host() {
  return output_of(environment("KINTSUGI_VM_LAB") + " second-host 2> /dev/null");
}

bool inside(const std::string& command) {
  return lab("inside " + command + " > /dev/null");
}

std::string fetch(const std::string& address, const std::string& path) {
  return output_inside("timeout 5 busybox wget -q -O - http://" + address + path);
}

std::string lab_files() {
  return environment("LAB_DIR") + "/vm";
}

bool sign_list(const std::string& folder) {
  return run(beside_lab("sign-list.sh") + " '" + folder + "'");
}

std::map<std::string, int> arriving_frames(const std::string& bridge, const std::string& tap,
                                           const std::string& guest, const std::string& allowed) {
  std::istringstream lines(output_inside("python3 " + beside_lab("frames.py") + " " + bridge + " " + tap +
                                         " " + guest + " " + allowed));
  std::map<std::string, int> arrived;
  std::string kind;
  for (int count = 0; lines >> count && std::getline(lines >> std::ws, kind);) arrived[kind] = count;
  return arrived;
}

std::string hash_of_file(const std::string& path) {
  return output_of("sha256sum < '" + path + "'").substr(0, 64);
}

InMachinesNetwork::InMachinesNetwork() : own_(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {
  const std::string name = "/run/netns/" + output_inside("ip netns identify");
  const int theirs = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(own_ >= 0);
  REQUIRE(::setns(theirs, CLONE_NEWNET) == 0);
  ::close(theirs);
}

InMachinesNetwork::~InMachinesNetwork() {
  if (::setns(own_, CLONE_NEWNET) != 0) std::abort();  // the tests after this one would run elsewhere
  ::close(own_);
}

bool answers(const std::string& address) {
  return inside("timeout 3 busybox wget -q -O - http://" + address + "/version");
}

bool calls_home(int seconds) {
  return inside("sh -c 'timeout " + std::to_string(seconds) + " busybox nc -l -p 4444 | grep -q beacon'");
}

Host::Host() : log_(clock_, LogLevel::kWarning, standard_error_writer()), hypervisor_(uri(), clock_, log_) {
  ::signal(SIGPIPE, SIG_IGN);  // libvirt writes to a daemon that has just been killed
  hypervisor_.subscribe([this](const std::string& uuid) {
    std::lock_guard lock(mutex_);
    changed_.insert(uuid);
    heard_.notify_all();
  });
  thread_ = std::jthread([this](std::stop_token stop) { hypervisor_.run(std::move(stop)); });
  const auto connected = hypervisor_.wait_until_connected(clock_.monotonic() + kPatience, {});
  if (!connected) FAIL(connected.error().to_string());
}

Host::~Host() {
  thread_.request_stop();
}

std::string Host::uuid_of(const std::string& name) {
  const auto domains = hypervisor_.list();
  if (!domains) FAIL(domains.error().to_string());
  const auto found =
      std::find_if(domains->begin(), domains->end(), [&](const auto& one) { return one.name == name; });
  if (found == domains->end()) FAIL("no machine " << name);
  return found->uuid;
}

std::string Host::make_empty(const std::string& name) {
  if (!lab("empty " + name)) FAIL("no machine " << name);
  return uuid_of(name);
}

void Host::forget() {
  std::lock_guard lock(mutex_);
  changed_.clear();
}

bool Host::hears_of(const std::string& uuid) {
  std::unique_lock lock(mutex_);
  return heard_.wait_for(lock, kPatience, [&] { return changed_.contains(uuid); });
}

bool Host::reconnects() {
  return hypervisor_.wait_until_connected(clock_.monotonic() + kPatience, {}).has_value();
}

}  // namespace kintsugi::machines
