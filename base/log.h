// SPDX-License-Identifier: Apache-2.0
//
// Structured logs: one JSON object a line, on the writer that `main` chose. Passed by reference, never
// global.
#pragma once

#include <functional>
#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"

namespace kintsugi {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

/// Thread-safe. Lines have `time`, `level`, `message` and the given fields; values are escaped, so that text
/// written by attackers cannot forge a line or reach a terminal. Secrets have no way in: there is no
/// overload.
class Logger {
 public:
  using Field = std::pair<std::string_view, std::string_view>;
  using Writer = std::function<void(std::string_view line)>;

  /// `write` gets complete lines with their newline, one at a time. `clock` must outlive this object.
  Logger(const Clock& clock, LogLevel least, Writer write);

  void debug(std::string_view message, std::initializer_list<Field> fields = {});
  void info(std::string_view message, std::initializer_list<Field> fields = {});
  void warning(std::string_view message, std::initializer_list<Field> fields = {});
  void error(std::string_view message, std::initializer_list<Field> fields = {});

 private:
  void log(LogLevel level, std::string_view message, std::initializer_list<Field> fields);

  const Clock& clock_;
  const LogLevel least_;
  const Writer write_;
  std::mutex mutex_;
};

/// Writes to standard error, unbuffered.
Logger::Writer standard_error_writer();

}  // namespace kintsugi
