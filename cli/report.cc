// SPDX-License-Identifier: Apache-2.0
#include "metrics/report.h"

#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/host_ledger.h"
#include "cli/incident_access.h"
#include "incidents/kubernetes_ledger.h"
#include "metrics/record.h"
#include "model/incident_json.h"

namespace kintsugi::cli {
namespace {

using metrics::IncidentRecord;

IncidentRecord record_of(const Incident& incident) {
  return {incident.uid,
          incident.spec.origin.source,
          incident.status.severity,
          incident.spec.origin.severity,
          incident.status.outcome,
          stage_of(incident),
          incident.status.times,
          incident.spec.origin.time_was_clamped,
          is_uncontained(incident)};
}

IncidentRecord record_of(const incidents::LedgerRecord& folded) {
  return {folded.uid,     folded.source, folded.severity, folded.first_severity,
          folded.outcome, std::nullopt,  folded.times,    folded.time_was_clamped};
}

/// What the controller keeps at least.
constexpr std::chrono::days kKeptOneByOne{90};

metrics::ReportFormat format_of(OutputFormat format) {
  switch (format) {
    case OutputFormat::kJson: return metrics::ReportFormat::kJson;
    case OutputFormat::kCsv: return metrics::ReportFormat::kCsv;
    case OutputFormat::kMarkdown: return metrics::ReportFormat::kMarkdown;
    default: return metrics::ReportFormat::kTable;
  }
}

}  // namespace

Result<ExitCode> run_report(const Session& session) {
  const Invocation& invocation = session.invocation;
  // The incidents first: one that is folded in between is then in both, and counted once; the other way round
  // it could be in neither.
  const auto objects = list_incidents(session);
  if (!objects) return fail(objects.error());
  auto folded = invocation.host.empty()
                    ? incidents::KubernetesLedger(session.client, invocation.name_space).load()
                    : load_host_ledger(session);
  if (!folded) {
    return fail(
        std::move(folded).error().advise("without the ledger the report would leave out what was deleted"));
  }
  if (!folded->totals.empty() && invocation.since > kKeptOneByOne)
    session.remark("incidents that ended more than 90 days ago may be known in total only, and are left out");
  std::vector<IncidentRecord> existing, gone;
  for (const nlohmann::json& object : *objects)
    existing.push_back(record_of(stored_incident_from_json(object)));
  for (const incidents::LedgerRecord& record : folded->records) gone.push_back(record_of(record));
  const auto records = metrics::merge_records(std::move(existing), std::move(gone));
  const WallTime now = session.clock.now();
  const auto by = metrics::parse_report_grouping(invocation.by);
  const auto report =
      metrics::make_report(records, now - invocation.since, now, by.value_or(metrics::ReportGrouping::kNone));
  session.console.out << metrics::to_text(report, format_of(invocation.output));
  return ExitCode::kDone;
}

}  // namespace kintsugi::cli
