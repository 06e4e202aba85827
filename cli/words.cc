// SPDX-License-Identifier: Apache-2.0
#include "cli/words.h"

#include <algorithm>
#include <cctype>

#include "base/duration.h"
#include "base/escape.h"
#include "base/kubernetes_name.h"
#include "net/unix_socket.h"

namespace kintsugi::cli {
namespace {

constexpr std::size_t kMaxReasonBytes = 1024;     // the schema's
constexpr std::size_t kMaxDomainNameBytes = 253;  // the schema's, of a target

}  // namespace

std::string program_name(const std::string& called) {
  const std::string name = called.substr(called.rfind('/') + 1);
  return name.starts_with("kubectl-") ? "kubectl kintsugi" : "kintsugi";
}

std::string shell_quoted(const std::string& text) {
  if (escape(text, text.size()) != text) return "'…'";
  const auto is_safe = [](unsigned char c) {
    return std::isalnum(c) != 0 || std::string_view("_./@:+-").find(char(c)) != std::string_view::npos;
  };
  if (!text.empty() && std::all_of(text.begin(), text.end(), is_safe)) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string bare_name(const std::string& text) {
  const std::size_t slash = text.find('/');
  return slash != std::string::npos && text.starts_with("incident") ? text.substr(slash + 1) : text;
}

std::string check_incident(const std::string& text) {
  return is_dns_subdomain(bare_name(text)) ? "" : "not the name of an incident: " + text;
}
std::string check_namespace(const std::string& text) {
  return is_dns_label(text) ? "" : "not a namespace: " + text;
}
std::string check_socket(const std::string& text) {
  const auto checked = net::check_unix_path(text);
  return checked ? "" : checked.error().message;
}
std::string check_domain(const std::string& text) {
  const bool is_shown_as_it_is = escape(text, text.size()) == text && is_utf8(text);
  const bool is_segment = text != "." && text != ".." && text.find_first_of("/%") == std::string::npos;
  const bool fits = !text.empty() && text.size() <= kMaxDomainNameBytes;
  return fits && is_segment && is_shown_as_it_is ? "" : "not the name of a domain: " + text;
}
std::string check_playbook(const std::string& text) {
  return is_dns_subdomain(text) ? "" : "not the name of a playbook: " + text;
}
std::string check_reason(const std::string& text) {
  if (text.find_first_not_of(" \t\r\n") == std::string::npos)
    return "a reason is needed: it is what others read later";
  return text.size() <= kMaxReasonBytes && is_utf8(text) ? ""
                                                         : "the reason must be UTF-8 of at most 1024 bytes";
}
std::string check_duration(const std::string& text) {
  const auto parsed = parse_duration(text);
  return parsed ? "" : parsed.error().to_string();
}

std::string check_timeout(const std::string& text) {
  return text == "0" ? "" : check_duration(text);
}

std::string check_choice(const std::string& text, const std::vector<std::string>& choices) {
  if (std::find(choices.begin(), choices.end(), text) != choices.end()) return {};
  std::string problem = "'" + text + "' is none of";
  for (const std::string& choice : choices) problem += (&choice == &choices.front() ? " " : ", ") + choice;
  for (const std::string_view language : {"jsonpath", "go-template", "custom-columns"}) {
    if (text.starts_with(language)) problem += "; for single fields: -o json | jq";
  }
  return problem;
}

}  // namespace kintsugi::cli
