// SPDX-License-Identifier: Apache-2.0
#include "trust/registry/referrers.h"

#include <iterator>
#include <set>
#include <string>
#include <utility>

#include "trust/crypto/reasons.h"
#include "trust/registry/link_header.h"
#include "trust/registry/manifest_answer.h"
#include "trust/registry/registry_auth.h"

namespace kintsugi::trust {
namespace {

constexpr std::size_t kMaxPages = 8;
constexpr std::size_t kMaxReferrerEntries = 1024;

tl::unexpected<Error> refuse(const RegistrySource& source, ErrorCode code, const char* why,
                             std::string message) {
  return fail(make_error(code, std::move(message)).on(source.image.name()).because(why));
}

std::string path_of(const net::Url& url) {
  std::string path = url.target.substr(0, url.target.find('?'));
  for (const char* colon : {"%3A", "%3a"}) {
    if (const std::size_t at = path.find(colon); at != std::string::npos) path.replace(at, 3, ":");
  }
  return path;
}

std::string query_of(const net::Url& url) {
  const std::size_t start = url.target.find('?');
  return start == std::string::npos ? std::string() : url.target.substr(start);
}

/// The query of the page after `answer`, "?…"; nothing after the last one.
Result<std::optional<std::string>> next_query(const RegistryAnswer& answer) {
  auto link = find_next_link(answer.headers);
  if (!link) return fail(std::move(link).error());
  if (!*link) return std::nullopt;
  const std::string& target = **link;
  const auto to =
      resolve_location(answer.url, target.starts_with('?') ? path_of(answer.url) + target : target);
  if (!to || !is_same_origin(*to, answer.url) || path_of(*to) != path_of(answer.url)) {
    return fail(make_error(ErrorCode::kRefused, "the next page of referrers is said to be elsewhere")
                    .because(reason::kRegistryProtocol));
  }
  return query_of(*to);
}

/// True for the answer of a registry that does not know the API.
bool is_without_api(const Result<RegistryAnswer>& answer) {
  if (answer) return media_type_of(answer->headers) != kOciIndexType;
  return answer.error().code == ErrorCode::kNotFound || answer.error().reason == reason::kRegistryProtocol;
}

Result<void> add_page(const RegistrySource& source, RegistryAnswer answer, std::vector<Descriptor>& list) {
  auto document = parse_image_document({kOciIndexType, Digest::of(answer.body), std::move(answer.body)});
  if (!document) return fail(std::move(document).error().on(source.image.name()));
  if (list.size() + document->manifests.size() > kMaxReferrerEntries)
    return refuse(source, ErrorCode::kTooLarge, reason::kTooLarge, "over 1024 referrers");
  std::move(document->manifests.begin(), document->manifests.end(), std::back_inserter(list));
  return {};
}

}  // namespace

Result<std::optional<std::vector<Descriptor>>> list_referrers(RegistrySession& session,
                                                              const RegistrySource& source,
                                                              const Digest& subject, const Call& call) {
  std::vector<Descriptor> list;
  std::set<std::string> read;
  for (std::string query;;) {
    auto answer = session.send({.source = source,
                                .path = "referrers/" + subject.text() + query,
                                .accept = kOciIndexType,
                                .max_bytes = kMaxManifestBytes},
                               call);
    if (is_without_api(answer)) {
      if (read.empty()) return std::nullopt;
      return refuse(source, ErrorCode::kRefused, reason::kRegistryProtocol,
                    "a next page of referrers is no index");
    }
    if (!answer) return fail(std::move(answer).error());
    read.insert(query);
    auto next = next_query(*answer);
    if (!next) return fail(std::move(next).error().on(source.image.name()));
    if (auto added = add_page(source, std::move(*answer), list); !added) return fail(added.error());
    if (!*next) return list;
    if (read.contains(**next))
      return refuse(source, ErrorCode::kRefused, reason::kRegistryProtocol,
                    "the pages of referrers go in a circle");
    if (read.size() == kMaxPages)
      return refuse(source, ErrorCode::kTooLarge, reason::kTooLarge, "over 8 pages of referrers");
    query = std::move(**next);
  }
}

}  // namespace kintsugi::trust
