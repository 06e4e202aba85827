// SPDX-License-Identifier: Apache-2.0
//
// A host with one domain, in memory, whose calls can be made to fail: for what real machines cannot do on
// demand. What libvirt makes of definitions is proven in tests/machines.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "targets/libvirt/hypervisor.h"

namespace kintsugi::targets::testing {

class FakeHypervisor : public Hypervisor {
 public:
  /// An empty `live`: it does not run; an empty `persistent`: it is transient.
  FakeHypervisor(std::string live, std::string persistent);

  // What it is now.
  std::string live;
  std::string persistent;
  bool autostart = true;
  bool is_paused = false;
  std::string filter;  ///< empty: none
  /// A guest that gives nothing back.
  bool keeps_devices = false;

  /// The n-th change from here on (from 1) fails; `after`: once it has been made.
  void fail_change(int n, bool after) {
    failing_ = n;
    fails_after_ = after;
    changes_ = 0;
  }
  /// Of all that were asked for since fail_change().
  int changes() const { return changes_; }

  Result<std::vector<DomainSummary>> list() override;
  Result<DomainStatus> status(const std::string& uuid) override;
  Result<std::string> live_definition(const std::string& uuid) override;
  Result<std::string> persistent_definition(const std::string& uuid) override;
  Result<std::string> plain_definition(const std::string& uuid) override;
  Result<void> define(const std::string& definition) override;
  Result<void> set_autostart(const std::string& uuid, bool value) override;
  Result<void> set_live_mark(const std::string& uuid, const std::string& mark) override;
  Result<void> update_device(const std::string& uuid, const std::string& device) override;
  Result<void> attach_device(const std::string& uuid, const std::string& device) override;
  Result<void> detach_device(const std::string& uuid, const std::string& device) override;
  Result<void> pause(const std::string& uuid) override;
  Result<void> resume(const std::string& uuid) override;
  Result<std::string> filter_definition(const std::string& name) override;
  Result<void> define_filter(const std::string& definition) override;
  void subscribe(std::function<void(const std::string& uuid)> /*changed*/) override {}

 private:
  Result<void> change(const std::function<void()>& make);

  int failing_ = 0;
  bool fails_after_ = false;
  int changes_ = 0;
};

}  // namespace kintsugi::targets::testing
