// SPDX-License-Identifier: Apache-2.0
#include "trust/attestation/sarif_report.h"

#include <charconv>
#include <map>
#include <string>

#include "trust/attestation/refusal.h"

namespace kintsugi::trust {
namespace {

tl::unexpected<Error> not_understood(std::string what) {
  return fail(ErrorCode::kInvalidInput, "SARIF: " + std::move(what));
}

/// The scale of CVSS v3. Scanners write 0.0 where they know no score.
VulnerabilitySeverity severity_of_score(const std::string* text) {
  double score = 0;
  if (text == nullptr) return VulnerabilitySeverity::kCritical;
  const auto read =
      std::from_chars(text->data(), text->data() + text->size(), score, std::chars_format::fixed);
  const bool is_score = read.ec == std::errc() && read.ptr == text->data() + text->size();
  if (!is_score || !(score > 0) || score >= 9.0) return VulnerabilitySeverity::kCritical;
  if (score >= 7.0) return VulnerabilitySeverity::kHigh;
  return score >= 4.0 ? VulnerabilitySeverity::kMedium : VulnerabilitySeverity::kLow;
}

std::size_t digits_at(std::string_view text, std::size_t at) {
  std::size_t count = 0;
  while (at + count < text.size() && text[at + count] >= '0' && text[at + count] <= '9') ++count;
  return count;
}

/// The rule's id without what Grype appends: "CVE-2024-1234-openssl".
std::string vulnerability_of_rule(const std::string& id) {
  constexpr std::size_t kGhsaBytes = 19;  // GHSA-xxxx-xxxx-xxxx
  std::size_t length = id.size();
  if (id.starts_with("CVE-") && digits_at(id, 4) == 4 && id.size() > 8 && id[8] == '-') {
    length = 9 + digits_at(id, 9);
  } else if (id.starts_with("GHSA-")) {
    length = kGhsaBytes;
  }
  return length < id.size() && id[length] == '-' ? id.substr(0, length) : id;
}

class Run {
 public:
  explicit Run(const Node& run) : run_(run) {}

  Result<void> read(std::vector<ScanFinding>& out) {
    const Node* const invocations = node_at(run_, "invocations");
    for (std::size_t i = 0; invocations != nullptr && i < invocations->items.size(); ++i) {
      const Node* const success = invocations->items[i].find("executionSuccessful");
      if (success != nullptr && !success->boolean) return not_understood("the scan did not succeed");
    }
    if (auto read = read_rules(); !read) return read;
    const Node* const results = node_at(run_, "results");
    if (results == nullptr || results->kind != Node::Kind::kArray)
      return not_understood("a run has no results");
    for (const Node& result : results->items) {
      if (auto read = read_result(result, out); !read) return read;
    }
    return {};
  }

 private:
  Result<void> read_rules() {
    if (text_at(run_, "tool.driver.name") == nullptr) return not_understood("a run has no tool.driver.name");
    rules_ = node_at(run_, "tool.driver.rules");
    if (rules_ == nullptr) return {};
    if (rules_->kind != Node::Kind::kArray) return not_understood("the rules are no list");
    for (const Node& rule : rules_->items) {
      const std::string* const id = text_at(rule, "id");
      if (id == nullptr || id->empty()) return not_understood("a rule has no id");
      if (!by_id_.emplace(*id, &rule).second) return not_understood("two rules have the same id");
    }
    return {};
  }

  Result<void> read_result(const Node& result, std::vector<ScanFinding>& out) {
    const std::string* id = text_at(result, "ruleId");
    const Node* rule = nullptr;
    if (const Node* index = node_at(result, "ruleIndex"); index != nullptr && index->text != "-1") {
      const auto number = index->as_integer();
      if (!number || rules_ == nullptr || *number < 0 || std::size_t(*number) >= rules_->items.size())
        return not_understood("a ruleIndex that no rule has");
      rule = &rules_->items[std::size_t(*number)];
      if (id == nullptr) id = text_at(*rule, "id");
      if (*id != *text_at(*rule, "id")) return not_understood("ruleId and ruleIndex disagree");
    }
    if (id == nullptr || id->empty()) return not_understood("a result has no ruleId");
    if (const auto found = by_id_.find(*id); found != by_id_.end()) rule = found->second;
    const std::string* const kind = text_at(result, "kind");
    if (kind != nullptr && (*kind == "pass" || *kind == "notApplicable")) return {};
    const std::string* const score =
        rule == nullptr ? nullptr : text_at(*rule, "properties.security-severity");
    out.push_back({vulnerability_of_rule(*id), {}, severity_of_score(score), true});
    return {};
  }

  const Node& run_;
  const Node* rules_ = nullptr;
  std::map<std::string_view, const Node*> by_id_;
};

}  // namespace

Result<std::vector<ScanFinding>> read_sarif(const Node& report) {
  const std::string* const version = text_at(report, "version");
  if (version == nullptr || *version != "2.1.0") return not_understood("the version is not 2.1.0");
  const Node& runs = *report.find("runs");
  if (runs.kind != Node::Kind::kArray || runs.items.empty()) return not_understood("there is no run");
  std::vector<ScanFinding> out;
  for (const Node& run : runs.items) {
    if (auto read = Run(run).read(out); !read) return fail(std::move(read).error());
  }
  return out;
}

}  // namespace kintsugi::trust
