// SPDX-License-Identifier: Apache-2.0
//
// What a request to the control socket is about. Pure.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "host/control/api_status.h"
#include "net/http_server.h"

namespace kintsugi::host {

enum class Collection : std::uint8_t { kIncidents, kPlaybooks, kDomains, kLedgerEntries, kBackups };

/// Which collection, or which object of it.
struct Route {
  Collection collection = Collection::kIncidents;
  std::string
      name_space;    ///< empty: of all (incidents, playbooks), or there is none (domains, ledger, backups)
  std::string name;  ///< empty: the collection
};

/// Reads /apis/GROUP/VERSION[/namespaces/NAMESPACE]/RESOURCE[/NAME]. 404 for everything else, 400 for broken
/// percent-encoding.
Answer<Route> read_route(std::string_view path);

using Query = std::map<std::string, std::string, std::less<>>;

/// The parameters, decoded; of repeated ones the first. 400 for broken percent-encoding and more than 32.
Answer<Query> read_query(std::string_view text);
/// Whether `dryRun=All` was sent; 400 for other values of it.
Answer<bool> is_dry_run(const Query& query);

/// The body, if it is JSON of this content type ("application/json"): 415 and 400 otherwise.
Answer<nlohmann::json> read_body(const net::ServerRequest& request, std::string_view content_type);

}  // namespace kintsugi::host
