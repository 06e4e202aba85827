// SPDX-License-Identifier: Apache-2.0
//
// The REST interface over the store: a request becomes an operation, its outcome a response in the API's
// shape.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "net/http_server.h"
#include "sandbox/containers.h"
#include "sandbox/object_store.h"

namespace kintsugi::sandbox {

/// A watch that was asked for and may begin.
struct WatchStart {
  k8s::Resource resource;
  Selection selection;
  std::optional<std::uint64_t> since;  ///< nothing: from the present state, told as ADDED
  std::chrono::seconds timeout{1800};
  bool bookmarks = false;
  bool metadata_only = false;
};

/// A command to run in a container that exists.
struct ExecStart {
  std::vector<std::string> command;
};

using ApiAnswer = std::variant<net::HttpResponse, WatchStart, ExecStart>;

/// Answers one request. Get, list, watch, create, update, JSON Patch, delete, status subresources, logs,
/// exec, discovery, health; nothing else.
ApiAnswer answer(ObjectStore& store, const Containers& containers, const net::ServerRequest& request);

/// The object as PartialObjectMetadata where `metadata_only`, and as it is otherwise.
nlohmann::json shown(const Object& object, bool metadata_only);

/// "a%20b" is "a b"; '+' is a space where `query`. Malformed escapes stay as they are.
std::string url_decode(std::string_view text, bool query);
/// The first value of a query parameter, decoded; empty where it is missing.
std::string query_value(const std::string& query, std::string_view name);

}  // namespace kintsugi::sandbox
