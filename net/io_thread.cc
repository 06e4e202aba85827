// SPDX-License-Identifier: Apache-2.0
#include "net/io_thread.h"

#include <pthread.h>

#include <csignal>

namespace kintsugi::net {

std::thread start_io_thread(const char* name, std::function<void()> body) {
  return std::thread([name, body = std::move(body)] {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    pthread_setname_np(pthread_self(), name);
    body();
  });
}

}  // namespace kintsugi::net
