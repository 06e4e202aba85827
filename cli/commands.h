// SPDX-License-Identifier: Apache-2.0
//
// One function for each verb. Each prints its result and returns how the program ends; an Error is for the
// caller to print, and means ExitCode::kError.
#pragma once

#include "base/result.h"
#include "cli/session.h"

namespace kintsugi::cli {

/// Incidents, once or, with --watch, until the stop.
Result<ExitCode> run_list(const Session& session);
/// Their names, as completion_script() says.
Result<ExitCode> run_complete_incident(const Session& session);
Result<ExitCode> run_describe(const Session& session);
Result<ExitCode> run_timeline(const Session& session);

/// Makes the incident of a pod that lives, of the next generation of its UID. kNothingChanged where one is
/// open.
Result<ExitCode> run_open(const Session& session);

/// Approve and deny: appends to `spec.approvals`, on the very list that was read.
Result<ExitCode> run_decide(const Session& session);
/// Hold and resume.
Result<ExitCode> run_hold(const Session& session);
Result<ExitCode> run_release(const Session& session);

/// Recovery times from the incidents that exist and the ledger of those that do not any more.
Result<ExitCode> run_report(const Session& session);

/// Which protected workloads could be contained and recovered now. kNotReady where one could not.
Result<ExitCode> run_check(const Session& session);

/// Has the controller of a host copy its database to a file of that host.
Result<ExitCode> run_backup(const Session& session);

}  // namespace kintsugi::cli
