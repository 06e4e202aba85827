// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <unistd.h>

#include "base/escape.h"
#include "base/time.h"

namespace kintsugi {
namespace {

constexpr std::size_t kMaxValueBytes = 1024;

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return "debug";
    case LogLevel::kInfo: return "info";
    case LogLevel::kWarning: return "warning";
    case LogLevel::kError: return "error";
  }
  return "error";
}

void append_member(std::string& line, std::string_view key, std::string_view value) {
  line += ",\"";
  line += key;
  line += "\":\"";
  // escape() leaves no control characters; what JSON still needs is its own quoting.
  for (const char c : escape(value, kMaxValueBytes)) {
    if (c == '"' || c == '\\') line += '\\';
    line += c;
  }
  line += '"';
}

}  // namespace

Logger::Logger(const Clock& clock, LogLevel least, Writer write)
    : clock_(clock), least_(least), write_(std::move(write)) {}

void Logger::debug(std::string_view message, std::initializer_list<Field> fields) {
  log(LogLevel::kDebug, message, fields);
}
void Logger::info(std::string_view message, std::initializer_list<Field> fields) {
  log(LogLevel::kInfo, message, fields);
}
void Logger::warning(std::string_view message, std::initializer_list<Field> fields) {
  log(LogLevel::kWarning, message, fields);
}
void Logger::error(std::string_view message, std::initializer_list<Field> fields) {
  log(LogLevel::kError, message, fields);
}

void Logger::log(LogLevel level, std::string_view message, std::initializer_list<Field> fields) {
  if (level < least_) return;
  std::string line = "{\"time\":\"" + format_micros(clock_.now()) + "\"";
  append_member(line, "level", level_name(level));
  append_member(line, "message", message);
  for (const auto& [key, value] : fields) append_member(line, key, value);
  line += "}\n";
  std::lock_guard lock(mutex_);
  write_(line);
}

Logger::Writer standard_error_writer() {
  return [](std::string_view line) {
    while (!line.empty()) {
      const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
      if (written <= 0) return;  // nobody to tell
      line.remove_prefix(std::size_t(written));
    }
  };
}

}  // namespace kintsugi
