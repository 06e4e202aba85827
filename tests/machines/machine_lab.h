// SPDX-License-Identifier: Apache-2.0
//
// The lab's virtual machines (tests/lab/vm.sh), for tests.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/log.h"
#include "targets/libvirt/libvirt_hypervisor.h"

namespace kintsugi::machines {

/// The address of the private libvirtd; fails the test where there is none.
std::string uri();

/// Whether QEMU has a user of its own there, who owns the disks of machines that run (vm.sh:
/// LAB_AS_INSTALLED).
bool lab_is_as_installed();
/// Runs the lab's script; whether it succeeded.
bool lab(const std::string& arguments);
/// Starts another host, and returns its libvirtd's address.
std::string second_host();
/// Runs a command in the machines' network, as the host 10.77.0.1; whether it succeeded.
bool inside(const std::string& command);
/// What the guest's web server answers at a path; empty: nothing.
std::string fetch(const std::string& address, const std::string& path);
/// Of each kind of frame that a neighbour on the bridge sends to the guest behind that tap, how many of ten
/// get there; `allowed` is whose connections are excepted (tests/lab/frames.py).
std::map<std::string, int> arriving_frames(const std::string& bridge, const std::string& tap,
                                           const std::string& guest, const std::string& allowed);
/// Where the lab keeps images, keys and logs.
std::string lab_files();
/// Has the images of a folder in a list that is signed by OpenPGP (tests/lab/sign-list.sh); whether it
/// succeeded.
bool sign_list(const std::string& folder);
/// SHA-256 of a file, as hex digits.
std::string hash_of_file(const std::string& path);
/// Whether the guest's web server answers.
bool answers(const std::string& address);
/// Whether a guest that was breached gets a packet to its master, who waits that many seconds.
bool calls_home(int seconds);

/// While it lives, this thread and the processes that it starts are in the machines' network, as the host
/// 10.77.0.1.
class InMachinesNetwork {
 public:
  InMachinesNetwork();
  ~InMachinesNetwork();
  InMachinesNetwork(const InMachinesNetwork&) = delete;
  InMachinesNetwork& operator=(const InMachinesNetwork&) = delete;

 private:
  int own_ = -1;  ///< descriptor of the network that the thread came from
};

/// A connection of its own, kept by a thread of its own.
class Host {
 public:
  Host();
  ~Host();
  targets::Hypervisor& hypervisor() { return hypervisor_; }
  /// Of a machine, by its name; a new one is made of a machine without an operating system.
  std::string uuid_of(const std::string& name);
  std::string make_empty(const std::string& name);
  /// Waits up to 15 s until something is told about the domain after `forget()`.
  bool hears_of(const std::string& uuid);
  void forget();
  /// Whether the connection is there again within 15 s.
  bool reconnects();

 private:
  SystemClock clock_;
  Logger log_;
  targets::LibvirtHypervisor hypervisor_;
  std::mutex mutex_;
  std::condition_variable heard_;
  std::set<std::string> changed_;  ///< guarded
  std::jthread thread_;
};

}  // namespace kintsugi::machines
