// SPDX-License-Identifier: Apache-2.0
//
// The responder's command on a hypervisor, all the way: command line, unix socket, API, store.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/document.h"
#include "base/testing/scratch_directory.h"
#include "base/user_name.h"
#include "cli/run.h"
#include "cli/test_world.h"
#include "host/control/control_server.h"
#include "host/control/testing/memory_store.h"
#include "incidents/sqlite_database.h"
#include "k8s-client/auth/test_environment.h"
#include "net/curl_transport.h"

namespace kintsugi::cli {
namespace {

using nlohmann::json;

const TargetRef kDomain{"Domain", "host", "web-1", "0c8b6d1e-uuid"};

class HostWorld {
  ScratchDirectory directory_;

 public:
  host::MemoryStore store;
  ManualClock clock{kTestNow};
  std::vector<std::string> answers;
  std::vector<std::string> questions;
  const std::string socket = directory_.path() + "/control.sock";

  HostWorld() {
    auto started = host::start_control_server(socket, api_, log_);
    if (!started) FAIL(started.error().to_string());
    server_ = std::move(*started);
  }

  /// An incident about the domain, which waits for a decision about its redeployment.
  Incident open_waiting() {
    Incident incident;
    incident.spec.target = kDomain;
    incident.name = incident_name(kDomain, 1);
    incident.name_space = "host";
    incident.created = kTestNow - std::chrono::minutes(2);
    incident.spec.origin.severity = Severity::kCritical;
    incident.spec.playbook = "isolate";
    incident.spec.mode = Mode::kFull;
    Incident created = *store.create(incident, std::chrono::milliseconds(1));
    created.status.severity = Severity::kCritical;
    created.status.mode = Mode::kFull;
    created.status.times.detected = created.created;
    created.status.awaiting = "redeploy";
    created.status.awaiting_reason = "the domain is made anew";
    return *store.update_status(created);
  }
  Incident now(const Incident& incident) const { return *store.cached(incident.name); }

  /// Runs `kintsugi --host SOCKET …`.
  Ending run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"/usr/bin/kintsugi", "--host", socket});
    return run_as_is(arguments);
  }
  Ending run_as_is(const std::vector<std::string>& arguments) {
    std::ostringstream out, err;
    const Surroundings surroundings{
        .out = out,
        .err = err,
        .ask = answers.empty() ? std::function<std::string(std::string_view)>() : [this](std::string_view question) {
          questions.emplace_back(question);
          return answers.at(questions.size() - 1);
        },
        .environment = k8s::environment_of({{"USER", "mallory"}, {"KUBECONFIG", "/nonexistent"}}),
        .clock = clock,
        .make_transport = net::make_curl_transport,
        .stop = {},
    };
    const ExitCode code = cli::run(arguments, surroundings);
    return {code, out.str(), err.str()};
  }
  const std::string& directory() const { return directory_.path(); }
  void stop_server() { server_->stop(std::chrono::milliseconds(0)); }

 private:
  Logger log_{clock, LogLevel::kError, [](std::string_view) {}};
  const host::ControlApi api_{host::ControlWorld{
      .store = store,
      .update_decisions = [this](const Incident& incident) { return store.update_decisions(incident); },
      .domains =
          [] {
            return std::vector<host::DomainEntry>{{"web-1", kDomain.uid, true, true},
                                                  {"left alone", "uuid-2", true, false}};
          },
      .playbooks = [] { return std::vector<std::string>{"isolate"}; },
      .name_of_user = user_name,
      .ledger =
          [] {
            incidents::LedgerContents contents;
            incidents::LedgerRecord& record = contents.records.emplace_back();
            record.uid = "gone";
            record.name = "inc-gone-1";
            record.outcome = Outcome::kRecovered;
            record.times.detected = record.times.recovered = record.times.closed = kTestNow;
            return contents;
          },
      .backup = [this](const std::string& path) { return database_->backup(path); },
      .clock = clock,
      .own_uid = ::geteuid()}};
  const std::unique_ptr<incidents::SqliteDatabase> database_ =
      incidents::SqliteDatabase::open(directory_.path() + "/kintsugi.db").value();
  std::unique_ptr<net::HttpServer> server_;
};

std::string me() {
  return user_name(::geteuid());
}

}  // namespace

TEST_CASE("a backup is a database of its own, and replaces nothing") {
  HostWorld world;
  const std::string copy = world.directory() + "/copy.db";
  const Ending made = world.run({"backup", copy});
  INFO(made.err);
  CHECK(made.code == ExitCode::kDone);
  CHECK(made.out == copy + "\n");
  CHECK(incidents::SqliteDatabase::open(copy));
  const Ending again = world.run({"backup", copy});
  CHECK(again.code == ExitCode::kError);
  CHECK(again.err.find("already exists") != std::string::npos);
  const Ending nowhere = world.run({"backup", world.directory() + "/missing/copy.db"});
  CHECK(nowhere.code == ExitCode::kError);
  CHECK(nowhere.err.find("missing/copy.db") != std::string::npos);
  const Ending wrong = world.run_as_is({"/usr/bin/kintsugi", "backup", copy});
  CHECK(wrong.code == ExitCode::kWrongUse);
  CHECK(wrong.err.find("--host") != std::string::npos);
}

TEST_CASE("on a host, list and describe name the domain, and suggest commands that find the host again") {
  HostWorld world;
  const Ending none = world.run({"list"});
  CHECK(none.code == ExitCode::kDone);
  CHECK(none.err == "kintsugi: no incidents on this host\n");
  const Incident incident = world.open_waiting();
  const Ending list = world.run({"list"});
  INFO(list.err);
  CHECK(list.code == ExitCode::kDone);
  CHECK(list.out.find("TARGET") != std::string::npos);
  CHECK(list.out.find("domain/web-1") != std::string::npos);
  CHECK(world.run({"list", "-l", "kintsugi.dev/target-uid=another"}).out.find(incident.name) ==
        std::string::npos);
  CHECK(world.run({"list", "-A", "-o", "name"}).out == "incident.kintsugi.dev/" + incident.name + "\n");
  const Ending described = world.run({"describe", incident.name});
  INFO(described.out);
  CHECK(described.code == ExitCode::kDone);
  CHECK(described.out.find("domain web-1 (UID " + kDomain.uid + ")") != std::string::npos);
  CHECK(described.out.find("pod") == std::string::npos);
  CHECK(described.out.find("kintsugi --host " + world.socket + " approve " + incident.name) !=
        std::string::npos);
  CHECK(world.run({"timeline", incident.name}).code == ExitCode::kDone);
  const Ending missing = world.run({"describe", "inc-0-1"});
  CHECK(missing.code == ExitCode::kError);
  CHECK(missing.err.find("no such incident on this host") != std::string::npos);
}

TEST_CASE("on a host, an incident is held and resumed") {
  HostWorld world;
  const Incident incident = world.open_waiting();
  CHECK(world.run({"hold", incident.name, "--dry-run=server"}).code == ExitCode::kDone);
  CHECK_FALSE(world.now(incident).spec.hold);
  const Ending held = world.run({"hold", incident.name});
  INFO(held.err);
  CHECK(held.code == ExitCode::kDone);
  CHECK(held.out == "incident.kintsugi.dev/" + incident.name + " held\n");
  CHECK(world.now(incident).spec.hold);
  CHECK(world.run({"hold", incident.name}).out == "incident.kintsugi.dev/" + incident.name + " unchanged\n");
  CHECK(world.run({"resume", incident.name}).code == ExitCode::kDone);
  CHECK_FALSE(world.now(incident).spec.hold);
}

TEST_CASE("on a host, who decides is whose process has asked") {
  HostWorld world;
  const Incident incident = world.open_waiting();
  const Ending approved =
      world.run({"approve", incident.name, "--step", "redeploy", "--reason", "checked with the team"});
  INFO(approved.err);
  CHECK(approved.code == ExitCode::kDone);
  REQUIRE(world.now(incident).spec.approvals.size() == 1);
  const Approval first = world.now(incident).spec.approvals[0];
  CHECK(first.approved);
  CHECK(first.by == me());
  CHECK(first.reason == "checked with the team");
  CHECK(first.time == kTestNow);
  CHECK(world.run({"deny", incident.name, "--step", "redeploy", "--reason", "wait"}).code == ExitCode::kDone);
  REQUIRE(world.now(incident).spec.approvals.size() == 2);
  CHECK_FALSE(world.now(incident).spec.approvals[1].approved);
  CHECK(world.run({"describe", incident.name}).out.find(me()) != std::string::npos);
}

TEST_CASE("on a host, an incident is opened about a domain, once, and released") {
  HostWorld world;
  const std::vector<std::string> open{"open",     "domain/web-1", "--playbook", "isolate",
                                      "--reason", "seen mining",  "--severity", "critical"};
  std::vector<std::string> tried = open;
  tried.emplace_back("--dry-run=server");
  CHECK(world.run(tried).code == ExitCode::kDone);
  CHECK(world.store.list().empty());
  const Ending opened = world.run(open);
  INFO(opened.err);
  REQUIRE(opened.code == ExitCode::kDone);
  const std::string name = incident_name(kDomain, 1);
  CHECK(opened.out == "incident.kintsugi.dev/" + name + " opened\n");
  CHECK(opened.err.empty());
  Incident incident = *world.store.cached(name);
  CHECK(incident.spec.target == kDomain);
  CHECK(incident.spec.origin.rule == "opened by " + me());
  CHECK(incident.spec.origin.summary == "seen mining");
  CHECK(incident.spec.origin.severity == Severity::kCritical);
  const Ending again = world.run({"open", "web-1", "--playbook", "isolate", "--reason", "r"});
  CHECK(again.code == ExitCode::kDone);
  CHECK(again.out == "incident.kintsugi.dev/" + name + " unchanged\n");
  CHECK(again.err.find("is open for this domain already") != std::string::npos);
  world.answers = {"y"};
  const Ending released = world.run({"release", name, "--reason", "load test"});
  INFO(released.err);
  CHECK(released.code == ExitCode::kDone);
  CHECK(world.questions == std::vector<std::string>{"Give domain/web-1 its network back? [y/N] "});
  incident = *world.store.cached(name);
  REQUIRE(incident.spec.release);
  CHECK(incident.spec.release->by == me());
  incident.status.outcome = Outcome::kReleased;
  REQUIRE(world.store.update_status(incident));
  CHECK(world.run(open).out == "incident.kintsugi.dev/" + incident_name(kDomain, 2) + " opened\n");
}

TEST_CASE("on a host, what cannot be opened says why") {
  HostWorld world;
  struct Case {
    std::string target, playbook;
    ExitCode code;
    std::string words;
  };
  const Case cases[] = {
      {"domain/missing", "isolate", ExitCode::kError, "no such domain on this host"},
      {"domain/left alone", "isolate", ExitCode::kError, "not protected by Kintsugi"},
      {"domain/web-1", "missing", ExitCode::kError, "no such playbook on this host"},
      {"pod/web-1", "isolate", ExitCode::kWrongUse, "pods are in clusters"},
      {"shop/web-1", "isolate", ExitCode::kWrongUse, "pods are in clusters"},
      {"domain/", "isolate", ExitCode::kWrongUse, "not the name of a domain"},
      {"domain/a/b", "isolate", ExitCode::kWrongUse, "not the name of a domain"},
      {"domain/a%41", "isolate", ExitCode::kWrongUse, "not the name of a domain"},
      {"domain/..", "isolate", ExitCode::kWrongUse, "not the name of a domain"},
      {"domain/a\nb", "isolate", ExitCode::kWrongUse, "not the name of a domain"},
      {"domain/" + std::string(254, 'a'), "isolate", ExitCode::kWrongUse, "not the name of a domain"},
  };
  for (const Case& c : cases) {
    INFO(c.target);
    const Ending ending = world.run({"open", c.target, "--playbook", c.playbook, "--reason", "r"});
    INFO(ending.err);
    CHECK(ending.code == c.code);
    CHECK(ending.err.find(c.words) != std::string::npos);
  }
  CHECK(world.store.list().empty());
}

TEST_CASE("on a host, the report counts what exists and what the ledger has") {
  HostWorld world;
  world.open_waiting();
  const Ending report = world.run({"report", "--by", "none", "-o", "json"});
  INFO(report.err);
  REQUIRE(report.code == ExitCode::kDone);
  CHECK(parse_json(report.out).value()["rows"][0]["detected"] == 2);
}

TEST_CASE("what is for clusters does not go with a host") {
  HostWorld world;
  const std::vector<std::vector<std::string>> wrong{{"list", "--context", "c"}, {"list", "--kubeconfig", "f"},
                                                    {"list", "--cluster", "k"}, {"list", "--user", "u"},
                                                    {"list", "-n", "shop"},     {"check"}};
  for (const auto& arguments : wrong) {
    INFO(arguments.front() << " " << arguments.back());
    CHECK(world.run(arguments).code == ExitCode::kWrongUse);
  }
  CHECK(world.run({"check"}).err.find("check is for clusters") != std::string::npos);
  CHECK(world.run({"open", "web-1", "--pod-namespace", "shop", "--playbook", "p", "--reason", "r"}).code ==
        ExitCode::kWrongUse);
  const Ending no_host =
      world.run_as_is({"kintsugi", "open", "domain/web-1", "--playbook", "p", "--reason", "r"});
  CHECK(no_host.code == ExitCode::kWrongUse);
  CHECK(no_host.err.find("give --host") != std::string::npos);
  CHECK(world.run_as_is({"kintsugi", "--host", "", "list"}).code == ExitCode::kWrongUse);
  CHECK(world.run_as_is({"kintsugi", "--host", std::string(108, 'a'), "list"}).code == ExitCode::kWrongUse);
}

TEST_CASE("a host that does not answer is named, with what may be wrong") {
  HostWorld world;
  world.stop_server();
  const Ending ending = world.run({"list"});
  CHECK(ending.code == ExitCode::kError);
  CHECK(ending.err.find("control socket " + world.socket) != std::string::npos);
  CHECK(ending.err.find("check that kintsugi-controller runs on this host") != std::string::npos);
}

}  // namespace kintsugi::cli
