// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/document.h"
#include "base/json_text.h"
#include "base/testing/scratch_directory.h"
#include "base/version.h"
#include "cli/test_world.h"
#include "model/incident_json.h"

namespace kintsugi::cli {
namespace {

using nlohmann::json;

const std::string kName = waiting_incident().name;

json entry(const char* step, const char* decision, const char* reason) {
  return {{"step", step},
          {"decision", decision},
          {"by", "alice"},
          {"reason", reason},
          {"time", "2026-01-01T00:10:00.000000Z"}};
}
json test_uid() {
  return {{"op", "test"}, {"path", "/metadata/uid"}, {"value", "incident-uid-1"}};
}

TEST_CASE("the first decision makes the list, provided that there is still none") {
  TestWorld world;
  const std::string path = world.keep(waiting_incident());
  const Ending ending = world.run({"approve", kName, "--step", "redeploy", "--reason", "checked"});
  CHECK(ending.code == ExitCode::kDone);
  CHECK(ending.out == "incident.kintsugi.dev/" + kName + " approved\n");
  CHECK(ending.err.empty());
  CHECK(world.latest_write() ==
        json::array({test_uid(),
                     {{"op", "test"}, {"path", "/spec/approvals"}, {"value", nullptr}},
                     {{"op", "add"},
                      {"path", "/spec/approvals"},
                      {"value", json::array({entry("redeploy", "approve", "checked")})}}}));
  const auto stored = incident_from_json(world.objects[path]);
  REQUIRE(stored);
  REQUIRE(find_approval(stored->spec, "redeploy") != nullptr);
  CHECK(find_approval(stored->spec, "redeploy")->approved);
}

TEST_CASE("a later decision is appended to exactly the list that was read") {
  TestWorld world;
  Incident incident = waiting_incident();
  incident.spec.approvals = {{"contain", true, "bob", "go", kTestNow}};
  const std::string path = world.keep(incident);
  const json before = world.objects[path]["spec"]["approvals"];
  CHECK(world.run({"deny", kName, "--step", "redeploy", "--reason", "no"}).out ==
        "incident.kintsugi.dev/" + kName + " denied\n");
  CHECK(world.latest_write() ==
        json::array(
            {test_uid(),
             {{"op", "test"}, {"path", "/spec/approvals"}, {"value", before}},
             {{"op", "add"}, {"path", "/spec/approvals/-"}, {"value", entry("redeploy", "deny", "no")}}}));
  CHECK(world.objects[path]["spec"]["approvals"].size() == 2);
}

TEST_CASE("a decision that somebody else made in between is not lost") {
  TestWorld world;
  const std::string path = std::string(kIncidentsPath) + "/" + kName;
  world.transport.when("PATCH", path)
      .times(1)
      .answer([&](const net::HttpRequest&) -> Result<net::HttpResponse> {
        world.objects[path]["spec"]["approvals"] = json::array({entry("contain", "approve", "me too")});
        return net::HttpResponse{422, {}, failure(422, "Invalid")};
      });
  world.keep(waiting_incident());
  CHECK(world.run({"approve", kName, "--step", "redeploy", "--reason", "checked"}).code == ExitCode::kDone);
  const json& list = world.objects[path]["spec"]["approvals"];
  REQUIRE(list.size() == 2);
  CHECK(list[0]["step"] == "contain");
  CHECK(list[1]["step"] == "redeploy");
}

TEST_CASE("a conflict that does not end is an error after five tries") {
  TestWorld world;
  const std::string path = std::string(kIncidentsPath) + "/" + kName;
  world.transport.when("PATCH", path).respond(409, failure(409, "Conflict"));
  world.keep(waiting_incident());
  const Ending ending = world.run({"hold", kName});
  CHECK(ending.code == ExitCode::kError);
  CHECK(world.transport.count("PATCH", path) == 5);
  CHECK(ending.out.empty());
}

TEST_CASE("without --step the step that waits is shown and asked for") {
  TestWorld world;
  const std::string path = world.keep(waiting_incident());
  SECTION("yes") {
    world.answers = {"y"};
    CHECK(world.run({"approve", kName, "--reason", "r"}).code == ExitCode::kDone);
    CHECK(world.objects[path]["spec"]["approvals"][0]["step"] == "redeploy");
  }
  SECTION("no") {
    world.answers = {""};
    CHECK(world.run({"approve", kName, "--reason", "r"}).code == ExitCode::kNothingChanged);
    CHECK(world.writes() == 0);
  }
  SECTION("nobody to ask") {
    const Ending ending = world.run({"approve", kName, "--reason", "r"});
    CHECK(ending.code == ExitCode::kWrongUse);
    CHECK(ending.err.find("--yes") != std::string::npos);
    CHECK(world.writes() == 0);
    return;
  }
  SECTION("--yes") {
    CHECK(world.run({"approve", kName, "--reason", "r", "--yes"}).code == ExitCode::kDone);
    return;
  }
  REQUIRE(world.questions.size() == 1);
  CHECK(world.questions[0].find("step redeploy of " + kName + " (shop/web-1): pinning deployment") !=
        std::string::npos);
}

TEST_CASE("what was agreed to is what is approved, also when the incident moves on") {
  TestWorld world;
  const std::string path = std::string(kIncidentsPath) + "/" + kName;
  world.transport.when("PATCH", path)
      .times(1)
      .answer([&](const net::HttpRequest&) -> Result<net::HttpResponse> {
        world.objects[path]["status"]["awaiting"] = "contain";
        return net::HttpResponse{422, {}, failure(422, "Invalid")};
      });
  world.keep(waiting_incident());
  world.answers = {"y", "n"};
  CHECK(world.run({"approve", kName, "--reason", "r"}).code == ExitCode::kNothingChanged);
  CHECK(world.questions.size() == 2);
  CHECK(!world.objects[path]["spec"].contains("approvals"));
}

TEST_CASE("hold and resume set one field") {
  TestWorld world;
  const std::string path = world.keep(waiting_incident());
  CHECK(world.run({"hold", kName}).out == "incident.kintsugi.dev/" + kName + " held\n");
  CHECK(world.latest_write() ==
        json::array({test_uid(), {{"op", "add"}, {"path", "/spec/hold"}, {"value", true}}}));
  CHECK(world.run({"hold", kName}).code == ExitCode::kDone);
  CHECK(world.run({"resume", kName}).out == "incident.kintsugi.dev/" + kName + " resumed\n");
  CHECK(world.objects[path]["spec"]["hold"] == false);
  CHECK(world.run({"resume", kName}).code == ExitCode::kDone);
  CHECK(world.writes() == 2);
}

TEST_CASE("a release says what becomes of the victim, by whom and why") {
  TestWorld world;
  const std::string path = world.keep(waiting_incident());
  CHECK(world.run({"release", kName, "--reason", "load test", "--yes"}).code == ExitCode::kDone);
  const json order = {{"victim", "restore"},
                      {"by", "alice"},
                      {"reason", "load test"},
                      {"time", "2026-01-01T00:10:00.000000Z"}};
  CHECK(world.latest_write() == json::array({test_uid(),
                                             {{"op", "test"}, {"path", "/spec/release"}, {"value", nullptr}},
                                             {{"op", "add"}, {"path", "/spec/release"}, {"value", order}}}));
  CHECK(world.run({"release", kName, "--reason", "again", "--yes"}).out ==
        "incident.kintsugi.dev/" + kName + " unchanged\n");
  // The controller may ask for another choice.
  CHECK(world.run({"release", kName, "--reason", "then so", "--victim", "leave"}).code == ExitCode::kDone);
  CHECK(world.objects[path]["spec"]["release"]["victim"] == "leave");
}

TEST_CASE("what is severe needs a confirmation, and never a prompt without a terminal") {
  TestWorld world;
  world.keep(waiting_incident());
  std::vector<std::string> line{"release", kName, "--reason", "r", "--victim"};
  const auto run = [&](std::vector<std::string> more) {
    std::vector<std::string> whole = line;
    whole.insert(whole.end(), more.begin(), more.end());
    return world.run(whole).code;
  };
  CHECK(run({"restore"}) == ExitCode::kWrongUse);
  CHECK(run({"delete"}) == ExitCode::kWrongUse);
  CHECK(world.writes() == 0);
  SECTION("typed name") {
    world.answers = {"y", kName};
    CHECK(run({"delete"}) == ExitCode::kNothingChanged);
    CHECK(run({"delete"}) == ExitCode::kDone);
  }
  SECTION("--confirm") {
    CHECK(run({"delete", "--confirm=" + kName}) == ExitCode::kDone);
  }
  SECTION("--yes") {
    CHECK(run({"delete", "-y"}) == ExitCode::kDone);
  }
}

TEST_CASE(
    "a dry run on the client writes nothing and shows the change, one on the server is marked as such") {
  const std::vector<std::vector<std::string>> lines{
      {"approve", kName, "--reason", "r"},
      {"deny", kName, "--step", "redeploy", "--reason", "r"},
      {"hold", kName},
      {"release", kName, "--victim", "delete", "--reason", "r"}};
  for (std::vector<std::string> line : lines) {
    TestWorld world;
    const std::string path = world.keep(waiting_incident());
    const json before = world.objects[path];
    INFO(line.front());
    line.emplace_back("--dry-run=client");
    const Ending client = world.run(line);
    CHECK(client.code == ExitCode::kDone);
    CHECK(world.writes() == 0);
    CHECK(client.out.find(" (dry run)\n[{\"op\":\"test\"") != std::string::npos);
    line.back() = "--dry-run=server";
    const Ending server = world.run(line);
    CHECK(server.code == ExitCode::kDone);
    CHECK(server.out.find(" (server dry run)\n") != std::string::npos);
    REQUIRE(world.writes() == 1);
    CHECK(world.transport.requests().back().url.find("dryRun=All") != std::string::npos);
    CHECK(world.objects[path] == before);
  }
}

TEST_CASE("a change may be printed as the object that it made") {
  TestWorld world;
  world.keep(waiting_incident());
  CHECK(
      parse_json(world.run({"hold", kName, "--dry-run=client", "-o", "json"}).out).value()["spec"]["hold"] ==
      true);
  CHECK(world.run({"hold", kName, "-o", "name"}).out == "incident.kintsugi.dev/" + kName + "\n");
}

TEST_CASE("what is so already is unchanged, which is an error only for who asks for one") {
  struct Case {
    std::vector<std::string> line;
    std::function<void(Incident&)> make;
  };
  const auto release = [](Incident& i) {
    i.spec.release = ReleaseOrder{ReleaseOrder::Victim::kLeave, "bob", "r", kTestNow};
  };
  const Case cases[] = {
      {{"approve", kName, "--step", "contain", "--reason", "r"},
       [](Incident& i) { i.spec.approvals = {{"contain", true, "bob", "go", kTestNow}}; }},
      {{"approve", kName, "--step", "redeploy", "--reason", "r"},
       [](Incident& i) {
         i.spec.approvals = {{"redeploy", true, "bob", "go", kTestNow}};
         i.status.awaiting.clear();
         i.status.outcome = Outcome::kRecovered;
       }},
      {{"deny", kName, "--step", "contain", "--reason", "r"},
       [](Incident& i) { i.spec.approvals = {{"contain", false, "bob", "no", kTestNow}}; }},
      {{"hold", kName}, [](Incident& i) { i.spec.hold = true; }},
      {{"resume", kName}, [](Incident&) {}},
      {{"release", kName, "--victim", "leave", "--reason", "r"}, release},
      {{"release", kName, "--victim", "leave", "--reason", "r"},
       [&](Incident& i) { release(i), i.status.outcome = Outcome::kReleased; }},
  };
  for (Case one : cases) {
    TestWorld world;
    Incident incident = waiting_incident();
    one.make(incident);
    world.keep(incident);
    INFO(one.line.front());
    const Ending ending = world.run(one.line);
    CHECK(ending.code == ExitCode::kDone);
    CHECK(ending.out == "incident.kintsugi.dev/" + kName + " unchanged\n");
    one.line.emplace_back("--error-unchanged");
    CHECK(world.run(one.line).code == ExitCode::kNothingChanged);
    one.line.insert(one.line.end(), {"-o", "json"});
    CHECK(parse_json(world.run(one.line).out).value()["metadata"]["name"] == kName);
    CHECK(world.writes() == 0);
  }
}

TEST_CASE("no document has who owns which field") {
  TestWorld world;
  const std::string path = world.keep(waiting_incident());
  world.objects[path]["metadata"]["managedFields"] = {{{"manager", "someone-else"}}};
  world.keep_list({});
  const std::vector<std::vector<std::string>> lines{{"describe", kName},
                                                    {"hold", kName},
                                                    {"hold", kName},
                                                    {"approve", kName, "--step", "redeploy", "--reason", "r"},
                                                    {"release", kName, "--reason", "r", "--dry-run=client"}};
  for (std::vector<std::string> line : lines) {
    for (const char* format : {"json", "yaml"}) {
      std::vector<std::string> whole = line;
      whole.insert(whole.end(), {"-o", format});
      const Ending ending = world.run(whole);
      INFO(line.front() << ending.err);
      CHECK(ending.out.find(kName) != std::string::npos);
      CHECK(ending.out.find("managedFields") == std::string::npos);
    }
  }
}

TEST_CASE("an incident that is over is left alone") {
  TestWorld world;
  Incident incident = waiting_incident();
  incident.status.outcome = Outcome::kRecovered;
  world.keep(incident);
  CHECK(world.run({"approve", kName, "--step", "redeploy", "--reason", "r"}).code ==
        ExitCode::kNothingChanged);
  CHECK(world.run({"hold", kName}).code == ExitCode::kNothingChanged);
  CHECK(world.run({"release", kName, "--reason", "r", "--yes"}).code == ExitCode::kNothingChanged);
  CHECK(world.writes() == 0);
}

TEST_CASE("a decision that stands already is not written again, unless the step waits once more") {
  TestWorld world;
  Incident incident = waiting_incident();
  incident.spec.approvals = {{"redeploy", true, "bob", "go", kTestNow}};
  incident.status.awaiting.clear();
  const std::string path = world.keep(incident);
  const Ending ending = world.run({"approve", kName, "--step", "redeploy", "--reason", "r"});
  CHECK(ending.code == ExitCode::kDone);
  CHECK(ending.out == "incident.kintsugi.dev/" + kName + " unchanged\n");
  CHECK(ending.err.find("by bob already") != std::string::npos);
  CHECK(world.run({"approve", kName, "--reason", "r"}).code == ExitCode::kNothingChanged);
  world.objects[path]["status"]["awaiting"] = "redeploy";
  CHECK(world.run({"approve", kName, "--step", "redeploy", "--reason", "r"}).code == ExitCode::kDone);
}

TEST_CASE("an unknown incident, a refusal and a dead server are errors that say so") {
  TestWorld world;
  const std::string other = std::string(kIncidentsPath) + "/";
  world.transport.when("GET", other + "inc-gone-1").respond(404, failure(404, "NotFound"));
  world.transport.when("GET", other + "inc-forbidden-1").respond(403, failure(403, "Forbidden"));
  world.transport.when("GET", other + "inc-dead-1")
      .fail_with(make_error(ErrorCode::kUnavailable, "connection refused"));
  for (const char* verb : {"describe", "timeline", "hold"}) {
    const Ending gone = world.run({verb, "inc-gone-1"});
    CHECK(gone.code == ExitCode::kError);
    CHECK(gone.err ==
          "kintsugi: incident inc-gone-1: no such incident in namespace kintsugi-system ('kintsugi list' "
          "shows what there is)\n");
    CHECK(gone.out.empty());
    CHECK(world.run({verb, "inc-forbidden-1"}).code == ExitCode::kError);
    const Ending dead = world.run({verb, "inc-dead-1"});
    CHECK(dead.code == ExitCode::kError);
    CHECK(dead.err.find("connection refused") != std::string::npos);
  }
  CHECK(world.writes() == 0);
}

TEST_CASE("a write without an answer says that it may have been done") {
  TestWorld world;
  Error error = make_error(ErrorCode::kTimeout, "no answer");
  error.outcome_unknown = true;
  world.transport.when("PATCH", kIncidentsPath).fail_with(error);
  world.keep(waiting_incident());
  const Ending ending = world.run({"hold", kName});
  CHECK(ending.code == ExitCode::kError);
  CHECK(ending.err.find("look with 'kintsugi describe " + kName + "'") != std::string::npos);
  CHECK(world.writes() == 1);
}

TEST_CASE("lists come in each format") {
  TestWorld world;
  world.keep_list({waiting_incident()});
  CHECK(world.run({"list"}).out.find("NAME ") == 0);
  CHECK(world.run({"list", "--no-headers"}).out.find(kName) == 0);
  CHECK(world.run({"list", "-o", "wide"}).out.find("PLAYBOOK") != std::string::npos);
  CHECK(world.run({"list", "-o", "name"}).out == "incident.kintsugi.dev/" + kName + "\n");
  const json list = parse_json(world.run({"list", "-o", "json"}).out).value();
  CHECK(list["kind"] == "List");
  CHECK(list["items"][0]["metadata"]["name"] == kName);
  const auto yaml = parse_yaml_document(world.run({"list", "-o", "yaml"}).out);
  REQUIRE(yaml);
  CHECK(*to_json(*yaml) == list);
}

TEST_CASE("an empty list and a cluster without Kintsugi are told apart") {
  TestWorld empty;
  empty.keep_list({});
  const Ending ending = empty.run({"list"});
  CHECK(ending.code == ExitCode::kDone);
  CHECK(ending.out.empty());
  CHECK(ending.err.find(
            "kintsugi: no incidents in namespace kintsugi-system; they live in the controller's") == 0);
  TestWorld missing;
  missing.transport.when("GET", "/").respond(404, "404 page not found\n");
  const Ending without = missing.run({"list"});
  CHECK(without.code == ExitCode::kError);
  CHECK(without.err.find("is Kintsugi installed in this cluster?") != std::string::npos);
}

TEST_CASE("an empty list says where it looked and where incidents are") {
  struct Case {
    std::vector<std::string> flags;
    const char* err;
  };
  const Case cases[] = {
      {{"-n", "shop"},
       "kintsugi: no incidents in namespace shop; they live in the controller's namespace (-n), not in their "
       "target's: look everywhere with -A, and filter with --target-namespace\n"},
      {{"-A"}, "kintsugi: no incidents in any namespace\n"},
      {{"-l", "a=b"}, "kintsugi: no incidents match in namespace kintsugi-system\n"},
      {{"-A", "--target-namespace", "shop"}, "kintsugi: no incidents match in any namespace\n"},
      {{"-n", "shop", "-o", "json"}, ""},
  };
  for (const Case& one : cases) {
    TestWorld world;
    world.transport.when("GET", "/apis/kintsugi.dev/")
        .respond(
            200,
            R"({"kind": "IncidentList", "apiVersion": "kintsugi.dev/v1alpha1", "metadata": {}, "items": []})");
    std::vector<std::string> line{"list"};
    line.insert(line.end(), one.flags.begin(), one.flags.end());
    const Ending ending = world.run(line);
    CHECK(ending.code == ExitCode::kDone);
    CHECK(ending.err == one.err);
  }
}

TEST_CASE("a list is narrowed by labels at the server and by the target's namespace here") {
  Incident other = waiting_incident();
  other.name = "inc-other-1";
  other.spec.target.name_space = "blog";
  TestWorld world;
  world.keep_list({waiting_incident(), other});
  CHECK(world.run({"list", "--target-namespace", "blog", "-o", "name"}).out ==
        "incident.kintsugi.dev/inc-other-1\n");
  CHECK(world.run({"list", "--target-namespace", "blog", "--no-headers"}).out.find("inc-other-1 ") == 0);
  CHECK(world.run({"list", "-l", "team in (a,b)"}).code == ExitCode::kDone);
  CHECK(world.transport.requests().back().url.find("labelSelector=team%20in%20%28a%2Cb%29") !=
        std::string::npos);
}

TEST_CASE("--all-namespaces asks for all and shows which") {
  TestWorld world;
  const json list = {{"kind", "IncidentList"},
                     {"apiVersion", kApiVersion},
                     {"metadata", {{"resourceVersion", "9"}}},
                     {"items", {stored_object(waiting_incident())}}};
  world.transport.when("GET", "/apis/kintsugi.dev/v1alpha1/incidents?").respond(200, json_text(list));
  const Ending ending = world.run({"list", "-A"});
  CHECK(ending.code == ExitCode::kDone);
  CHECK(ending.out.find("NAMESPACE         NAME ") == 0);
  CHECK(ending.out.find("\nkintsugi-system   inc-") != std::string::npos);
}

TEST_CASE("a watch prints what changes until it is stopped, and outlives a server that is away") {
  TestWorld world;
  Incident incident = waiting_incident();
  int looks = 0;
  world.transport.when("GET", kIncidentsPath)
      .answer([&](const net::HttpRequest&) -> Result<net::HttpResponse> {
        ++looks;
        if (looks == 2 || looks == 3) return fail(ErrorCode::kUnavailable, "connection refused");
        if (looks == 5) world.stop.request_stop();
        if (looks == 4) incident.resource_version = "8";
        const json list = {{"kind", "IncidentList"},
                           {"apiVersion", kApiVersion},
                           {"metadata", {{"resourceVersion", "9"}}},
                           {"items", {stored_object(incident)}}};
        return net::HttpResponse{200, {}, json_text(list)};
      });
  std::jthread time([&](std::stop_token done) {
    while (!done.stop_requested()) {
      world.clock.advance(std::chrono::seconds(1));
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  const Ending ending = world.run({"list", "-w"});
  CHECK(ending.code == ExitCode::kDone);
  CHECK(std::count(ending.out.begin(), ending.out.end(), '\n') == 3);  // titles, and the incident twice
  CHECK(std::count(ending.err.begin(), ending.err.end(), '\n') == 1);
}

TEST_CASE("colours are for terminals only") {
  TestWorld world;
  world.keep_list({waiting_incident()});
  CHECK(world.run({"list"}).out.find('\x1b') == std::string::npos);
  world.out_is_terminal = true;
  CHECK(world.run({"list"}).out.find('\x1b') != std::string::npos);
  CHECK(world.run({"list", "--no-color"}).out.find('\x1b') == std::string::npos);
  world.variables["NO_COLOR"] = "1";
  CHECK(world.run({"list"}).out.find('\x1b') == std::string::npos);
  world.variables = {{"TERM", "dumb"}};
  CHECK(world.run({"list"}).out.find('\x1b') == std::string::npos);
}

TEST_CASE("text of an attacker reaches no terminal in any format") {
  TestWorld world;
  Incident incident = waiting_incident();
  const std::string hostile = "x\x1b[2J\x07\xe2\x80\xae";
  incident.spec.origin.rule = incident.spec.target.name = incident.status.awaiting_reason = hostile;
  incident.status.timeline = {{kTestNow, hostile, hostile}};
  world.keep_list({incident});
  world.keep(incident);
  const std::vector<std::vector<std::string>> lines{{"list", "-o", "wide"},
                                                    {"list", "-o", "json"},
                                                    {"list", "-o", "yaml"},
                                                    {"list", "-o", "name"},
                                                    {"describe", kName},
                                                    {"describe", kName, "-o", "json"},
                                                    {"describe", kName, "-o", "yaml"},
                                                    {"timeline", kName},
                                                    {"timeline", kName, "-o", "json"},
                                                    {"timeline", kName, "-o", "markdown"},
                                                    {"approve", kName, "--reason", "r"},
                                                    {"hold", kName, "-o", "yaml"},
                                                    {"release", kName, "--reason", "r"}};
  for (const auto& line : lines) {
    const Ending ending = world.run(line);
    INFO(ending.out << ending.err);
    for (const char c : ending.out + ending.err) CHECK((c == '\n' || std::uint8_t(c) >= ' '));
    CHECK((ending.out + ending.err).find("\xe2\x80\xae") == std::string::npos);
  }
}

TEST_CASE("who decides is named by the kubeconfig, else by USER") {
  TestWorld world;
  const std::string path = world.keep(waiting_incident());
  ScratchDirectory directory;
  const std::string nameless = directory.write("config", R"(
apiVersion: v1
kind: Config
current-context: c
clusters: [{name: k, cluster: {server: "https://h:6443"}}]
contexts: [{name: c, context: {cluster: k}}]
)");
  world.variables = {{"USER", "bo\x1b[b"}};
  CHECK(world.run({"--kubeconfig", nameless, "approve", kName, "--step", "redeploy", "--reason", "r"}).code ==
        ExitCode::kDone);
  CHECK(world.objects[path]["spec"]["approvals"][0]["by"] == "bo\\x1b[b");
}

TEST_CASE("a kubeconfig that cannot be used and the version need no server") {
  TestWorld world;
  const Ending missing = world.run({"--kubeconfig", "/nonexistent", "list"});
  CHECK(missing.code == ExitCode::kError);
  CHECK(missing.err.find("kintsugi: ") == 0);
  CHECK(world.run({"--context", "other", "list"}).code == ExitCode::kError);
  const Ending version = world.run({"version"});
  CHECK(version.code == ExitCode::kDone);
  CHECK(version.out ==
        "kintsugi " + std::string(kintsugi::version()) + " (" + std::string(kApiVersion) + ")\n");
  CHECK(world.run({"--version"}).out == version.out);
  CHECK(parse_json(world.run({"version", "--client", "-o", "json"}).out).value() ==
        json{{"clientVersion", {{"version", kintsugi::version()}, {"apiVersion", kApiVersion}}}});
  CHECK(world.run({"version", "-o", "yaml"}).out.find("clientVersion:\n  apiVersion: kintsugi.dev/") == 0);
  CHECK(world.transport.requests().empty());
}

}  // namespace
}  // namespace kintsugi::cli
