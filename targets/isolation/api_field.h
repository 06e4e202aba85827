// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/document.h"
#include "base/label_selector.h"
#include "base/result.h"

namespace kintsugi::isolation {

/// A place in an API object: the value there, and its path for messages ("spec.ingress[0].ports"). Absent and
/// null are the same, as they are for the API server; members that nobody asks for are ignored.
///
/// A value of a wrong type reads as absent and is noted: the first such error is kept for all fields that
/// came from one root, so that a reader reads everything and asks once, at its end, whether that went well.
/// Errors are kInvalidInput and start with the path. Refers to the Node and the error, which must outlive it.
class ApiField {
 public:
  ApiField(const Node& root, std::optional<Error>& first_error);

  bool present() const { return node_ != nullptr; }
  bool is_text() const { return present() && node_->kind == Node::Kind::kString; }

  /// Absent where this is absent.
  ApiField member(std::string_view key) const;
  /// Of an object; none when absent.
  std::vector<std::string> keys() const;
  /// None when absent.
  std::vector<ApiField> items() const;
  /// Empty when absent.
  std::string text() const;
  /// `otherwise` when absent.
  bool boolean(bool otherwise = false) const;
  /// Required; 0 after an error.
  std::int64_t integer() const;
  /// A map of strings; empty when absent.
  Labels labels() const;
  /// Items are strings; none when absent.
  std::vector<std::string> texts() const;
  /// A metav1.LabelSelector under the API server's rules: In and NotIn need values, Exists and DoesNotExist
  /// take none. Empty when absent.
  LabelSelector label_selector() const;

  /// Notes an error about this field.
  void refuse(std::string_view what) const;

 private:
  ApiField(const Node* node, std::string path, std::optional<Error>* first_error);
  /// Whether there is a value of this kind; notes an error where there is another.
  bool holds(Node::Kind kind) const;
  LabelRequirement label_requirement() const;

  const Node* node_;
  std::string path_;
  std::optional<Error>* first_error_;
};

}  // namespace kintsugi::isolation
