// SPDX-License-Identifier: Apache-2.0
//
// What a registry sends around manifests: challenges, locations, tokens, and credentials as users give them.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "trust/registry/registry_auth.h"
#include "trust/registry/registry_credentials.h"

using namespace kintsugi;
using namespace kintsugi::trust;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  static const net::Url kFrom = parse_server_url("https://registry.example.com/v2/").value();
  net::Headers headers;
  headers.add("WWW-Authenticate", text);
  (void)find_challenge(headers);
  if (const auto to = resolve_location(kFrom, text)) {
    if (check_next_hop(kFrom, *to, true) && (!to->tls || is_loopback(to->host))) std::abort();
    if (!parse_server_url(to_string(*to))) std::abort();
  }
  if (const auto token = parse_token(text); token && token->text.empty()) std::abort();
  (void)RegistryCredentials::parse(Secret(text));
  return 0;
}
