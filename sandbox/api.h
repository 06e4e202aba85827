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
#include "sandbox/object_store.h"

namespace kintsugi::sandbox {

/// A watch that was asked for and may begin.
struct WatchStart {
  k8s::Resource resource;
  Selection selection;
  std::optional<std::uint64_t> since;  ///< nothing: from the present state, told as ADDED
  std::chrono::seconds timeout{1800};
  bool bookmarks = false;
};

/// A command to run in a container that exists.
struct ExecStart {
  std::vector<std::string> command;
};

using ApiAnswer = std::variant<net::HttpResponse, WatchStart, ExecStart>;

/// Answers one request: get, list, watch, create, update, JSON Patch, delete, status subresources, logs,
/// exec, and nothing else. Lists are whole, which the API allows whatever `limit` says. Selectors know
/// equality only.
ApiAnswer answer(ObjectStore& store, const net::ServerRequest& request);

}  // namespace kintsugi::sandbox
