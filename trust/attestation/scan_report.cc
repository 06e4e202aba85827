// SPDX-License-Identifier: Apache-2.0
#include "trust/attestation/scan_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/escape.h"
#include "trust/attestation/refusal.h"
#include "trust/attestation/sarif_report.h"

namespace kintsugi::trust {
namespace {

constexpr std::array<std::pair<std::string_view, VulnerabilitySeverity>, 6> kSeverities{{
    {"none", VulnerabilitySeverity::kNone},
    {"negligible", VulnerabilitySeverity::kNegligible},
    {"low", VulnerabilitySeverity::kLow},
    {"medium", VulnerabilitySeverity::kMedium},
    {"high", VulnerabilitySeverity::kHigh},
    {"critical", VulnerabilitySeverity::kCritical},
}};

tl::unexpected<Error> not_understood(std::string what) {
  return fail(ErrorCode::kInvalidInput, std::move(what));
}

/// Scanners write "HIGH" or "High". No scanner reports a finding of severity "none".
VulnerabilitySeverity severity_of(const Node& vulnerability, std::string_view key) {
  const std::string* const text = text_at(vulnerability, key);
  if (text == nullptr) return VulnerabilitySeverity::kCritical;
  std::string lower = *text;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  const auto found = std::find_if(kSeverities.begin() + 1, kSeverities.end(),
                                  [&](const auto& one) { return one.first == lower; });
  return found == kSeverities.end() ? VulnerabilitySeverity::kCritical : found->second;
}

/// The list that `path` leads to; nothing where there is none, or a null, as Go writes empty lists.
Result<const std::vector<Node>*> list_at(const Node& object, std::string_view path) {
  static const std::vector<Node> kEmpty;
  const Node* const list = node_at(object, path);
  if (list == nullptr) return &kEmpty;
  if (list->kind != Node::Kind::kArray) return not_understood(fmt::format("its {} is no list", path));
  return &list->items;
}

Result<void> read_trivy_result(const Node& result, std::vector<ScanFinding>& out) {
  if (result.kind != Node::Kind::kObject) return not_understood("an entry of its Results is no object");
  const auto vulnerabilities = list_at(result, "Vulnerabilities");
  if (!vulnerabilities) return fail(vulnerabilities.error());
  for (const Node& vulnerability : **vulnerabilities) {
    const std::string* const id = text_at(vulnerability, "VulnerabilityID");
    if (id == nullptr || id->empty()) return not_understood("a vulnerability has no VulnerabilityID");
    const std::string* const fixed = text_at(vulnerability, "FixedVersion");
    const std::string* const status = text_at(vulnerability, "Status");
    const bool has_fix = (fixed != nullptr && !fixed->empty()) || (status != nullptr && *status == "fixed");
    out.push_back({*id, {}, severity_of(vulnerability, "Severity"), has_fix});
  }
  return {};
}

Result<std::vector<ScanFinding>> read_trivy(const Node& report) {
  const Node* const schema = report.find("SchemaVersion");
  if (schema->kind != Node::Kind::kNumber || schema->text != "2")
    return not_understood("a report of Trivy whose SchemaVersion is not 2");
  if (text_at(report, "ArtifactName") == nullptr)
    return not_understood("a report of Trivy without an ArtifactName");
  const auto results = list_at(report, "Results");
  if (!results) return fail(results.error());
  std::vector<ScanFinding> out;
  for (const Node& result : **results) {
    if (auto read = read_trivy_result(result, out); !read) return fail(std::move(read).error());
  }
  return out;
}

Result<ScanFinding> read_grype_match(const Node& match) {
  const Node* const vulnerability = node_at(match, "vulnerability");
  const std::string* const id = vulnerability == nullptr ? nullptr : text_at(*vulnerability, "id");
  if (id == nullptr || id->empty()) return not_understood("a match has no vulnerability.id");
  const std::string* const fix = text_at(*vulnerability, "fix.state");
  const bool has_fix = fix == nullptr || (*fix != "not-fixed" && *fix != "wont-fix");
  ScanFinding out{*id, {}, severity_of(*vulnerability, "severity"), has_fix};
  const auto related = list_at(match, "relatedVulnerabilities");
  if (!related) return fail(related.error());
  for (const Node& other : **related) {
    const std::string* const other_id = text_at(other, "id");
    if (other_id == nullptr) return not_understood("a related vulnerability has no id");
    if (*other_id != *id) out.aliases.push_back(*other_id);
  }
  return out;
}

Result<std::vector<ScanFinding>> read_grype(const Node& report) {
  const Node* const matches = report.find("matches");
  if (matches->kind != Node::Kind::kArray) return not_understood("its matches are no list");
  std::vector<ScanFinding> out;
  for (const Node& match : matches->items) {
    auto finding = read_grype_match(match);
    if (!finding) return fail(std::move(finding).error());
    out.push_back(std::move(*finding));
  }
  return out;
}

}  // namespace

std::string_view to_string(VulnerabilitySeverity severity) {
  return kSeverities[std::size_t(severity)].first;
}

Result<std::vector<ScanFinding>> read_scan_report(const Node& report) {
  if (report.kind != Node::Kind::kObject) return not_understood("no report of a scanner");
  const std::string* const scanner = text_at(report, "descriptor.name");
  const bool is_trivy = report.find("SchemaVersion") != nullptr;
  const bool is_grype = scanner != nullptr && *scanner == "grype" && report.find("matches") != nullptr;
  const bool is_sarif = report.find("runs") != nullptr;
  if (is_trivy + is_grype + is_sarif != 1)
    return not_understood("neither a report of Trivy or Grype nor SARIF");
  return is_trivy ? read_trivy(report) : is_grype ? read_grype(report) : read_sarif(report);
}

}  // namespace kintsugi::trust
