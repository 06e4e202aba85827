// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/document.h"
#include "base/result.h"
#include "base/secret.h"
#include "k8s-client/auth/cluster_config.h"

namespace kintsugi::k8s {

/// One named cluster, user or context, as it stands in its file.
struct KubeconfigEntry {
  std::string file;
  Node value;
};

/// Several kubeconfigs as one: the first file that has a name, or sets current-context, wins (K12.6).
struct MergedKubeconfig {
  std::map<std::string, KubeconfigEntry> clusters;
  std::map<std::string, KubeconfigEntry> users;
  std::map<std::string, KubeconfigEntry> contexts;
  std::string current_context;
  std::vector<std::string> files;  ///< those that were read
};

/// Reads files in order of precedence. One that does not exist is passed over where `skip_missing`. At most 1
/// MiB each.
Result<MergedKubeconfig> read_kubeconfig_files(const std::vector<std::string>& paths, bool skip_missing);

/// Takes fields out of an entry. The first field of a wrong type or form is remembered, and is what done()
/// returns; values never appear in errors.
class EntryReader {
 public:
  explicit EntryReader(const KubeconfigEntry& entry) : entry_(entry) {}

  bool has(std::string_view key) const;
  std::string text(std::string_view key);
  Secret secret(std::string_view key);
  bool flag(std::string_view key);
  std::vector<std::string> texts(std::string_view key);
  /// A map from text to lists of text, flattened.
  std::vector<std::pair<std::string, std::string>> text_lists(std::string_view key);
  /// Relative ones stand relative to the entry's file.
  std::string path(std::string_view key);
  /// `data_key` holds base64.
  PemSource pem(std::string_view data_key, std::string_view path_key);
  void refuse(std::string_view key, std::string message, ErrorCode code = ErrorCode::kInvalidInput);

  Result<void> done() const;

 private:
  /// The member when it has this kind, else nullptr; null counts as absent.
  const Node* member(std::string_view key, Node::Kind kind);
  std::vector<std::string> strings_of(const Node& list, std::string_view key);
  void refuse_at(Position position, std::string message, ErrorCode code);

  const KubeconfigEntry& entry_;
  Result<void> first_error_;
};

}  // namespace kintsugi::k8s
