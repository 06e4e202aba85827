// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/strict_reader.h"

namespace kintsugi::trust {

/// What has to be known about a policy that is carried over. All text is safe to show.
struct ImportRemark {
  enum class Kind : std::uint8_t {
    kNote,     ///< nothing is lost; something has to be provided, or reads differently
    kLost,     ///< does not carry over; what is written accepts the same or less
    kLeftOut,  ///< does not carry over, and nothing is written for the object
  };
  Kind kind = Kind::kNote;
  std::string object;  ///< "policy release-images", "document 3"
  std::string path;    ///< "spec.authorities[1].ctlog"; empty: the object itself
  std::string text;
  std::string advice;  ///< what to do; may be empty

  /// One line: "policy a, spec.mode: left out: text; advice".
  std::string to_string() const;
  bool operator==(const ImportRemark&) const = default;
};

/// The remarks about one object, in the order of reading.
class RemarkList {
 public:
  explicit RemarkList(std::string object) : object_(std::move(object)) {}

  void note(std::string path, std::string text, std::string advice = {});
  void lost(std::string path, std::string text, std::string advice = {});
  void left_out(std::string path, std::string text, std::string advice = {});
  /// What a strict reader found wrong, each as one remark of this kind; what the list did not keep is
  /// counted.
  void add(const ProblemList& problems, ImportRemark::Kind kind);

  const std::vector<ImportRemark>& all() const { return remarks_; }

 private:
  void push(ImportRemark::Kind kind, std::string path, std::string text, std::string advice);

  std::string object_;
  std::vector<ImportRemark> remarks_;
};

}  // namespace kintsugi::trust
