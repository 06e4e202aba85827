// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/auth/kubeconfig_files.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/encoding.h"
#include "base/escape.h"
#include "base/file.h"

namespace kintsugi::k8s {
namespace {

constexpr std::size_t kMaxFileBytes = 1u << 20;

Error error_at(const std::string& file, Position position, std::string message, ErrorCode code) {
  return make_error(code, std::move(message))
      .on(file + ":" + std::to_string(position.line) + ":" + std::to_string(position.column));
}

tl::unexpected<Error> invalid(const std::string& file, const Node& node, std::string message) {
  return fail(error_at(file, node.position, std::move(message), ErrorCode::kInvalidInput));
}

bool is_null(const Node* node) {
  return node == nullptr || node->kind == Node::Kind::kNull;
}

/// Checks that `key` is absent or says `expected`.
Result<void> check_word(const std::string& file, const Node& root, std::string_view key,
                        std::string_view expected) {
  const Node* const word = root.find(key);
  if (is_null(word) || (word->kind == Node::Kind::kString && word->text == expected)) return {};
  return invalid(file, *word, "'" + std::string(key) + "' must be " + std::string(expected));
}

/// Adds the entries of a list such as `clusters: [{name: …, cluster: {…}}]`; names that are there already
/// stay.
Result<void> merge_entries(const std::string& file, const Node& root, std::string_view list_key,
                           std::string_view value_key, std::map<std::string, KubeconfigEntry>& into) {
  const Node* const list = root.find(list_key);
  if (is_null(list)) return {};
  if (list->kind != Node::Kind::kArray)
    return invalid(file, *list, "'" + std::string(list_key) + "' must be a list");
  for (const Node& item : list->items) {
    const Node* const name = item.find("name");
    if (name == nullptr || name->kind != Node::Kind::kString || name->text.empty()) {
      return invalid(file, item, "an entry of '" + std::string(list_key) + "' needs a name");
    }
    const Node* const value = item.find(value_key);
    Node empty;
    empty.kind = Node::Kind::kObject;
    empty.position = item.position;
    if (!is_null(value) && value->kind != Node::Kind::kObject) {
      return invalid(file, *value, "'" + std::string(value_key) + "' must be an object");
    }
    into.emplace(name->text, KubeconfigEntry{file, is_null(value) ? empty : *value});
  }
  return {};
}

Result<void> merge_file(const std::string& file, const Node& root, MergedKubeconfig& into) {
  if (root.kind == Node::Kind::kNull) return {};
  if (root.kind != Node::Kind::kObject) return invalid(file, root, "a kubeconfig must be an object");
  if (auto done = check_word(file, root, "kind", "Config"); !done) return done;
  if (auto done = check_word(file, root, "apiVersion", "v1"); !done) return done;
  if (auto done = merge_entries(file, root, "clusters", "cluster", into.clusters); !done) return done;
  if (auto done = merge_entries(file, root, "users", "user", into.users); !done) return done;
  if (auto done = merge_entries(file, root, "contexts", "context", into.contexts); !done) return done;
  const Node* const current = root.find("current-context");
  if (is_null(current)) return {};
  if (current->kind != Node::Kind::kString)
    return invalid(file, *current, "'current-context' must be a string");
  if (into.current_context.empty()) into.current_context = current->text;
  return {};
}

}  // namespace

Result<MergedKubeconfig> read_kubeconfig_files(const std::vector<std::string>& paths, bool skip_missing) {
  MergedKubeconfig merged;
  for (const std::string& path : paths) {
    auto text = read_file(path, kMaxFileBytes);
    if (!text && text.error().code == ErrorCode::kNotFound && skip_missing) continue;
    if (!text) return fail(std::move(text).error());
    const Secret wiped(std::move(*text));
    auto root = parse_yaml_document(wiped.reveal(), {.max_bytes = kMaxFileBytes});
    if (!root) {
      Error error = std::move(root).error();
      error.object = error.object.empty() ? path : path + ": " + error.object;
      return fail(std::move(error));
    }
    if (auto done = merge_file(path, *root, merged); !done) return fail(std::move(done).error());
    merged.files.push_back(path);
  }
  return merged;
}

const Node* EntryReader::member(std::string_view key, Node::Kind kind) {
  const Node* const node = entry_.value.find(key);
  if (is_null(node)) return nullptr;
  if (node->kind == kind) return node;
  refuse_at(node->position,
            "'" + std::string(key) + "' must be a " + std::string(kind_name(kind)) + ", not a " +
                std::string(kind_name(node->kind)),
            ErrorCode::kInvalidInput);
  return nullptr;
}

bool EntryReader::has(std::string_view key) const {
  return !is_null(entry_.value.find(key));
}

std::string EntryReader::text(std::string_view key) {
  const Node* const node = member(key, Node::Kind::kString);
  return node == nullptr ? std::string() : node->text;
}

Secret EntryReader::secret(std::string_view key) {
  return Secret(text(key));
}

bool EntryReader::flag(std::string_view key) {
  const Node* const node = member(key, Node::Kind::kBoolean);
  return node != nullptr && node->boolean;
}

std::vector<std::string> EntryReader::strings_of(const Node& list, std::string_view key) {
  std::vector<std::string> texts;
  for (const Node& item : list.items) {
    if (item.kind != Node::Kind::kString) {
      refuse_at(item.position, "'" + std::string(key) + "' must hold strings", ErrorCode::kInvalidInput);
    }
    texts.push_back(item.text);
  }
  return texts;
}

std::vector<std::string> EntryReader::texts(std::string_view key) {
  const Node* const node = member(key, Node::Kind::kArray);
  return node == nullptr ? std::vector<std::string>() : strings_of(*node, key);
}

std::vector<std::pair<std::string, std::string>> EntryReader::text_lists(std::string_view key) {
  std::vector<std::pair<std::string, std::string>> flat;
  const Node* const node = member(key, Node::Kind::kObject);
  if (node == nullptr) return flat;
  for (const Node::Member& list : node->members) {
    if (list.value.kind != Node::Kind::kArray) {
      refuse_at(list.value.position, "'" + std::string(key) + "' must hold lists", ErrorCode::kInvalidInput);
    }
    for (std::string& text : strings_of(list.value, key)) flat.emplace_back(list.key, std::move(text));
  }
  return flat;
}

std::string EntryReader::path(std::string_view key) {
  const std::filesystem::path given(text(key));
  if (given.empty() || given.is_absolute()) return given.string();
  return (std::filesystem::path(entry_.file).parent_path() / given).lexically_normal().string();
}

PemSource EntryReader::pem(std::string_view data_key, std::string_view path_key) {
  PemSource source;
  source.path = path(path_key);
  std::string encoded = text(data_key);
  std::erase_if(encoded, [](char c) { return c == '\n' || c == '\r' || c == ' '; });
  auto decoded = base64_decode(encoded);
  if (!decoded) {
    refuse(data_key, "'" + std::string(data_key) + "' is not base64");
    return source;
  }
  source.data = Secret(std::move(*decoded));
  return source;
}

void EntryReader::refuse(std::string_view key, std::string message, ErrorCode code) {
  const Node* const node = entry_.value.find(key);
  refuse_at(node != nullptr ? node->position : entry_.value.position, std::move(message), code);
}

void EntryReader::refuse_at(Position position, std::string message, ErrorCode code) {
  if (first_error_) first_error_ = fail(error_at(entry_.file, position, std::move(message), code));
}

Result<void> EntryReader::done() const {
  return first_error_;
}

}  // namespace kintsugi::k8s
