// SPDX-License-Identifier: Apache-2.0
#include "sandbox/controllers.h"

namespace kintsugi::sandbox {

std::uint64_t Controllers::settle() {
  constexpr int kMaxPasses = 1000;  // two controllers at odds must not hang the process
  std::uint64_t before = 0;
  for (int pass = 0; pass < kMaxPasses; ++pass) {
    before = store_.version();
    reconcile_replica_sets(store_);  // first, because a released pod is to be replaced at once
    reconcile_deployments(store_);
    pods_.step();
    reconcile_endpoint_slices(store_);
    collect_garbage(store_);
    if (store_.version() == before) break;
  }
  return before;
}

}  // namespace kintsugi::sandbox
