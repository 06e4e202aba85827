// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "controller/config_publisher.h"

namespace kintsugi::host {

/// Keeps the book current from files alone: the directories of playbooks and trust policies, and the file
/// `mode` among the playbooks, which has one word: off, observe, contain-only or full. Without it there is no
/// cap; what is no such word permits nothing but observing. While a directory is away, what was read of it
/// last stays, the cap included. For one thread.
class FileConfig {
 public:
  /// References must outlive this object. `changed` is called after the book has changed.
  FileConfig(const controller::Settings& settings, controller::PlaybookBook& book, Logger& log,
             std::function<void()> changed);

  /// Reads everything once.
  void load();

 private:
  void read_mode();

  const controller::Settings& settings_;
  controller::PlaybookBook& book_;
  Logger& log_;
  const std::function<void()> changed_;
  controller::ConfigPublisher publisher_;
};

}  // namespace kintsugi::host
