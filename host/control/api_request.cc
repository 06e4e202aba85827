// SPDX-License-Identifier: Apache-2.0
#include "host/control/api_request.h"

#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "base/document.h"
#include "base/hex_digit.h"

namespace kintsugi::host {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxParameters = 32;
constexpr DocumentLimits kBodyLimits{.max_bytes = 1u << 20, .max_depth = 32, .max_nodes = 20'000};

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = std::min(text.find(separator), text.size());
    parts.push_back(text.substr(0, end));
    if (end == text.size()) return parts;
    text.remove_prefix(end + 1);
  }
}

/// Nothing where an escape is malformed or hides a zero byte.
std::optional<std::string> url_decode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += plus_is_space && text[i] == '+' ? ' ' : text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const auto high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
    if (!high || !low || *high + *low == 0) return std::nullopt;
    decoded += char(*high * 16 + *low);
    i += 2;
  }
  return decoded;
}

struct Served {
  std::string_view group, version, plural;
  Collection collection;
  bool has_namespaces;
};

constexpr std::array<Served, 5> kServed{{
    {"kintsugi.dev", "v1alpha1", "incidents", Collection::kIncidents, true},
    {"kintsugi.dev", "v1alpha1", "playbooks", Collection::kPlaybooks, true},
    {"host.kintsugi.dev", "v1", "domains", Collection::kDomains, false},
    {"host.kintsugi.dev", "v1", "ledgerentries", Collection::kLedgerEntries, false},
    {"host.kintsugi.dev", "v1", "backups", Collection::kBackups, false},
}};

const Served* find_served(std::string_view group, std::string_view version, std::string_view plural) {
  for (const Served& one : kServed)
    if (one.group == group && one.version == version && one.plural == plural) return &one;
  return nullptr;
}

}  // namespace

Answer<Route> read_route(std::string_view path) {
  std::vector<std::string_view> parts = split(path, '/');  // "", "apis", group, version, …
  if (parts.size() < 5 || !parts[0].empty() || parts[1] != "apis") return refuse(not_served());
  const std::string_view group = parts[2], version = parts[3];
  parts.erase(parts.begin(), parts.begin() + 4);
  Route route;
  const bool is_scoped = parts.size() > 2 && parts[0] == "namespaces";
  if (is_scoped) {
    const auto name_space = url_decode(parts[1], false);
    if (!name_space) return refuse(bad_request("the path has broken percent-encoding"));
    if (name_space->empty()) return refuse(not_served());
    route.name_space = *name_space;
    parts.erase(parts.begin(), parts.begin() + 2);
  }
  const Served* served = parts.size() <= 2 ? find_served(group, version, parts[0]) : nullptr;
  if (served == nullptr || (is_scoped && !served->has_namespaces)) return refuse(not_served());
  route.collection = served->collection;
  if (parts.size() < 2) return route;
  const auto name = url_decode(parts[1], false);
  if (!name) return refuse(bad_request("the path has broken percent-encoding"));
  if (name->empty() || (served->has_namespaces && !is_scoped)) return refuse(not_served());
  route.name = *name;
  return route;
}

Answer<Query> read_query(std::string_view text) {
  Query query;
  if (text.empty()) return query;
  const auto parts = split(text, '&');
  if (parts.size() > kMaxParameters) return refuse(bad_request("the query has more than 32 parameters"));
  for (const std::string_view part : parts) {
    const std::size_t equals = std::min(part.find('='), part.size());
    const auto key = url_decode(part.substr(0, equals), true);
    const auto value = url_decode(part.substr(std::min(equals + 1, part.size())), true);
    if (!key || !value) return refuse(bad_request("the query has broken percent-encoding"));
    query.emplace(*key, *value);
  }
  return query;
}

Answer<bool> is_dry_run(const Query& query) {
  const auto found = query.find("dryRun");
  if (found == query.end()) return false;
  if (found->second == "All") return true;
  return refuse(bad_request("dryRun must be All"));
}

Answer<json> read_body(const net::ServerRequest& request, std::string_view content_type) {
  const std::string* type = request.headers.find("Content-Type");
  const std::string_view sent = type == nullptr ? std::string_view() : std::string_view(*type);
  if (sent.substr(0, sent.find(';')) != content_type) {
    return refuse({415, "UnsupportedMediaType", "the body must be " + std::string(content_type)});
  }
  auto document = parse_json(request.body, kBodyLimits);
  if (!document) return refuse(bad_request("the body cannot be read: " + document.error().to_string()));
  return std::move(*document);
}

}  // namespace kintsugi::host
