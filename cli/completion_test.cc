// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "cli/completion_scripts.h"
#include "cli/invocation.h"
#include "cli/test_world.h"
#include "model/incident.h"

namespace kintsugi::cli {
namespace {

const std::string kName = waiting_incident().name;

std::string completed(TestWorld& world, std::vector<std::string> words) {
  words.insert(words.begin(), "__complete");
  return world.run(words).out;
}

TEST_CASE("words are completed from the commands and flags that there are, without a cluster") {
  struct Case {
    std::vector<std::string> words;
    const char* has;
    const char* has_not;
  };
  const Case cases[] = {
      {{}, "approve\tLet a step that waits go on\n", "--"},
      {{""}, "list\tList incidents", "--"},
      {{"--context", "c", ""}, "list\tList incidents", "--"},
      {{"--no-color", ""}, "list\tList incidents", "--"},
      {{"--"}, "--context\tContext of the kubeconfig\n", "--victim"},
      {{"release", "inc-1", "--v"}, "--victim\trestore: give", "INCIDENT"},
      {{"release", "-"}, "--kubeconfig\t", "--step"},
      {{"release", "--victim", ""}, "restore\nleave\ndelete\n:4\n", "--"},
      {{"list", "-o", "j"}, "table\nwide\njson\nyaml\nname\n:4\n", "csv"},
      {{"--kubeconfig", ""}, ":0\n", "list"},
      {{"approve", "inc-1", "--reason", ""}, ":0\n", "list"},
      {{"describe", "inc-1", ""}, ":4\n", "inc"},
      {{"list", ""}, ":4\n", "approve"},
      {{"help", ""}, "approve\tLet a step", "--"},
      {{"completion", ""}, "bash\nzsh\nfish\n:4\n", "list"},
      {{"describe", "-n", "Not_A_Namespace", ""}, ":4\n", "inc"},
      {{"describe", "--unknown", "inc-1", ""}, ":4\n", "inc"},
  };
  for (const Case& one : cases) {
    TestWorld world;
    const std::string out = completed(world, one.words);
    INFO(out);
    CHECK(("\n" + out).find(std::string("\n") + one.has) != std::string::npos);
    CHECK(out.find(std::string("\n") + one.has_not) == std::string::npos);
    CHECK(out.substr(out.size() - 3).starts_with(":"));
    CHECK(world.transport.requests().empty());
  }
}

TEST_CASE("--help is offered once") {
  TestWorld world;
  const std::string out = completed(world, {"hold", "-"});
  CHECK(out.find("--help\t") == out.rfind("--help\t"));
}

TEST_CASE("names of incidents come from the cluster that the words choose, within a second") {
  TestWorld world;
  world.keep_list({waiting_incident()});
  world.transport.when("GET", "/apis/kintsugi.dev/v1alpha1/namespaces/sec/incidents?")
      .respond(
          200,
          R"({"kind": "IncidentList", "apiVersion": "kintsugi.dev/v1alpha1", "metadata": {}, "items": []})");
  const std::string line = kName + "\tAwaitingApproval, shop/web-1\n:4\n";
  CHECK(completed(world, {"describe", ""}) == line);
  CHECK(completed(world, {"approve", "--step", "contain", "inc"}) == line);
  CHECK(completed(world, {"--context", "c", "hold", "--request-timeout", "1h", ""}) == line);
  CHECK(world.transport.requests().back().timeout <= std::chrono::seconds(1));
  CHECK(completed(world, {"-n", "sec", "describe", ""}) == ":4\n");
  CHECK(completed(world, {"--context", "other", "describe", ""}).empty());
  CHECK(world.writes() == 0);
}

TEST_CASE("kubectl asks by the name of the program") {
  const auto ended = std::get<Ended>(parse_command_line({"/opt/bin/kubectl_complete-kintsugi", "re"}));
  CHECK(ended.out.find("report\t") != std::string::npos);
  const auto invocation = std::get<Invocation>(parse_command_line({"kubectl_complete-kintsugi", "hold", ""}));
  CHECK(invocation.verb == Verb::kCompleteIncident);
}

TEST_CASE("each shell has a script") {
  TestWorld world;
  for (const char* shell : {"bash", "zsh", "fish"}) {
    CHECK(world.run({"completion", shell}).out.find("kintsugi __complete") != std::string::npos);
  }
  CHECK(world.run({"completion", "tcsh"}).code == ExitCode::kWrongUse);
  CHECK(completion_script("tcsh").empty());
}

}  // namespace
}  // namespace kintsugi::cli
