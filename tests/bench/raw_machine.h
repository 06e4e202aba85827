// SPDX-License-Identifier: Apache-2.0
//
// A virtual machine by libvirt's own calls alone: the floor, and the eyes of whoever watches.
#pragma once

#include <libvirt/libvirt.h>

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/clock.h"

namespace kintsugi::bench {

/// A connection of its own that hears when machines start. Throws what goes wrong, as all of this file does.
class RawHost {
 public:
  RawHost(const std::string& uri, const Clock& clock);
  ~RawHost();
  RawHost(const RawHost&) = delete;
  RawHost& operator=(const RawHost&) = delete;

  virConnectPtr connection() const { return connection_; }
  const Clock& clock() const { return clock_; }
  /// When a process of the machine was last started; the beginning of time: not since this object is there.
  MonotonicTime started(const std::string& uuid) const;

 private:
  static int on_event(virConnectPtr connection, virDomainPtr domain, int event, int detail, void* self);

  const Clock& clock_;
  virConnectPtr connection_ = nullptr;
  int callback_ = -1;
  std::jthread loop_;
  mutable std::mutex mutex_;
  std::map<std::string, MonotonicTime> started_;  ///< guarded; by UUID
};

/// A machine with one network card.
class RawMachine {
 public:
  /// The machine of that name; `host` must outlive this object.
  RawMachine(RawHost& host, const std::string& name);
  /// Ends it and undefines it.
  ~RawMachine();
  RawMachine(const RawMachine&) = delete;
  RawMachine& operator=(const RawMachine&) = delete;

  const std::string& uuid() const { return uuid_; }

  /// Now and for the next start. A link that is up has no filter.
  void set_link(bool up);
  /// Has the host's side of the card, whose link is down, drop everything.
  void filter();
  void pause();
  void resume();
  /// Keeps a screenshot, its disks as they are now, and its memory, which is in `file` then.
  void preserve(const std::string& file);
  /// Stores its definition anew, with its link up, ends its process and starts another one.
  void switch_over();
  /// The metadata by which Kintsugi protects it: attributes and elements.
  void protect(const std::string& attributes, const std::string& elements);

  // Until a watcher sees it, and when. Looked at each millisecond, for at most half a minute.
  MonotonicTime wait_link(bool up);
  MonotonicTime wait_link_and_state(bool up, int state);
  MonotonicTime wait_started_since(MonotonicTime since);

 private:
  /// Stores the definition that it has, with its link up.
  void redefine();
  void take_screenshot();
  std::string definition(unsigned flags) const;
  bool is_link_up() const;
  int state() const;

  RawHost& host_;
  std::unique_ptr<virDomain, int (*)(virDomainPtr)> domain_;
  std::string uuid_;
  std::string card_up_;  ///< the network card as libvirt has it, with its link up
  std::string card_down_;
  std::string card_filtered_;
};

}  // namespace kintsugi::bench
