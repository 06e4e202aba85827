// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "cli/invocation.h"

namespace kintsugi::cli {
namespace {

std::variant<Invocation, Ended> parse(std::vector<std::string> arguments, std::string program = "kintsugi") {
  arguments.insert(arguments.begin(), std::move(program));
  return parse_command_line(arguments);
}

Invocation parsed(std::vector<std::string> arguments) {
  const auto result = parse(std::move(arguments));
  if (const auto* ended = std::get_if<Ended>(&result)) FAIL(ended->out + ended->err);
  return std::get<Invocation>(result);
}

TEST_CASE("options stand before and after the verb") {
  const Invocation before = parsed({"--context", "c", "-n", "sec", "list", "-o", "wide"});
  CHECK(before.verb == Verb::kList);
  CHECK(before.kubeconfig.context == "c");
  CHECK(before.name_space == "sec");
  CHECK(before.output == OutputFormat::kWide);
  const Invocation after =
      parsed({"list", "-w", "--kubeconfig", "f", "--cluster", "k", "--user", "u", "--request-timeout", "2m"});
  CHECK(after.watch);
  CHECK(after.kubeconfig.path == "f");
  CHECK(after.kubeconfig.cluster == "k");
  CHECK(after.kubeconfig.user == "u");
  CHECK(after.request_timeout == std::chrono::minutes(2));
  CHECK(after.name_space == "kintsugi-system");
}

TEST_CASE("a host takes the place of a cluster, and is in what is suggested") {
  const Invocation list = parsed({"list", "--host", "/run/kintsugi/control.sock"});
  CHECK(list.host == "/run/kintsugi/control.sock");
  CHECK(list.name_space == kHostNamespace);
  CHECK(list.program == "kintsugi --host /run/kintsugi/control.sock");
  CHECK(parsed({"--host", "/run/a b", "list"}).program == "kintsugi --host '/run/a b'");
  CHECK(parsed({"list"}).host.empty());
  const std::vector<std::string> why{"--playbook", "p", "--reason", "r"};
  const auto domain_of = [&](const std::string& target) {
    std::vector<std::string> arguments{"--host", "/s", "open", target};
    arguments.insert(arguments.end(), why.begin(), why.end());
    return parsed(arguments).domain;
  };
  CHECK(domain_of("domain/web-1") == "web-1");
  CHECK(domain_of("web-1") == "web-1");
  CHECK(domain_of("domain/Windows Server (old)") == "Windows Server (old)");
}

TEST_CASE("every verb is read") {
  CHECK(parsed({"describe", "inc-1"}).verb == Verb::kDescribe);
  CHECK(parsed({"timeline", "inc-1", "-o", "markdown"}).output == OutputFormat::kMarkdown);
  const Invocation approve =
      parsed({"approve", "inc-1", "--step", "contain", "--reason", "ok", "--dry-run=server"});
  CHECK(approve.verb == Verb::kApprove);
  CHECK(approve.incident == "inc-1");
  CHECK(approve.step == "contain");
  CHECK(approve.reason == "ok");
  CHECK(approve.dry_run == DryRun::kServer);
  CHECK(parsed({"deny", "inc-1", "--reason", "no"}).verb == Verb::kDeny);
  CHECK(parsed({"hold", "inc-1", "--dry-run=client"}).dry_run == DryRun::kClient);
  CHECK(parsed({"resume", "inc-1"}).verb == Verb::kResume);
  const Invocation release =
      parsed({"release", "inc-1", "--victim", "delete", "--reason", "r", "--confirm=inc-1"});
  CHECK(release.victim == ReleaseOrder::Victim::kDelete);
  CHECK(release.confirm == "inc-1");
  const Invocation report = parsed({"report", "--since", "30d", "--by", "source", "-o", "csv"});
  CHECK(report.since == std::chrono::days(30));
  CHECK(report.by == "source");
  CHECK(report.output == OutputFormat::kCsv);
  CHECK(parsed({"version"}).verb == Verb::kVersion);
}

TEST_CASE("a request takes five seconds at most, or what the command line says, or as long as it takes") {
  CHECK(parsed({"list"}).request_timeout == std::chrono::seconds(5));
  CHECK(parsed({"list", "--request-timeout", "90"}).request_timeout == std::chrono::seconds(90));
  CHECK(parsed({"list", "--request-timeout=0"}).request_timeout == kNoTimeout);
}

TEST_CASE("the version is asked for by a command or a flag") {
  CHECK(parsed({"--version"}).verb == Verb::kVersion);
  CHECK(parsed({"list", "--version"}).verb == Verb::kVersion);
  const Invocation invocation = parsed({"version", "--client", "-o", "yaml"});
  CHECK(invocation.verb == Verb::kVersion);
  CHECK(invocation.output == OutputFormat::kYaml);
}

TEST_CASE("which incidents are listed") {
  const Invocation list = parsed({"list", "-A", "-l", "a=b", "--target-namespace", "shop"});
  CHECK(list.all_namespaces);
  CHECK(list.selector == "a=b");
  CHECK(list.pod_namespace == "shop");
}

TEST_CASE("an incident may be named as -o name prints it") {
  CHECK(parsed({"describe", "incident.kintsugi.dev/inc-1"}).incident == "inc-1");
  CHECK(parsed({"describe", "incident/inc-1"}).incident == "inc-1");
}

TEST_CASE("a pod is named with its namespace in each usual form") {
  const auto open = [](std::vector<std::string> pod) {
    pod.insert(pod.begin(), "open");
    pod.insert(pod.end(), {"--playbook", "p", "--reason", "r"});
    const Invocation invocation = parsed(pod);
    return invocation.pod_namespace + "|" + invocation.pod_name;
  };
  CHECK(open({"shop/web-1"}) == "shop|web-1");
  CHECK(open({"pod/web-1"}) == "|web-1");
  CHECK(open({"web-1", "--pod-namespace", "shop"}) == "shop|web-1");
  CHECK(open({"pod/shop/web-1"}) == "shop|web-1");
  CHECK(open({"shop/web-1", "--pod-namespace", "shop"}) == "shop|web-1");
}

TEST_CASE("wrong use ends with 2, says why on standard error and never repeats control characters") {
  const std::vector<std::vector<std::string>> lines{
      {},
      {"lst"},
      {"list", "--unknown"},
      {"list", "-o", "csv"},
      {"list", "-o", "json", "--watch"},
      {"list", "-n", "Not_A_Namespace"},
      {"list", "--request-timeout", "soon"},
      {"list", "--request-timeout", "-1s"},
      {"list", "--target-namespace", "a b"},
      {"describe", "inc-1", "-A"},
      {"version", "-o", "name"},
      {"help", "lst"},
      {"help", "list", "hold"},
      {"describe"},
      {"describe", "inc-1", "inc-2"},
      {"describe", "../pods"},
      {"describe", "\x1b[2Jinc"},
      {"describe", "inc-1", "-n", "\x1b[2J"},
      {"approve", "inc-1"},
      {"approve", "inc-1", "--reason", " \t"},
      {"approve", "inc-1", "--reason", std::string(1025, 'x')},
      {"approve", "inc-1", "--reason", "\xff"},
      {"approve", "inc-1", "--reason", "r", "--step", "reboot"},
      {"hold", "inc-1", "--dry-run=maybe"},
      {"release", "inc-1"},
      {"release", "inc-1", "--reason", "r", "--victim", "eat"},
      {"release", "inc-1", "--reason", "r", "--victim", "delete", "--confirm", "inc-2"},
      {"open", "shop/web-1", "--reason", "r"},
      {"open", "shop/web-1", "--playbook", "p"},
      {"open", "shop/web-1", "--playbook", "a/b", "--reason", "r"},
      {"open", "a/b/c", "--playbook", "p", "--reason", "r"},
      {"open", "shop/web-1", "--pod-namespace", "other", "--playbook", "p", "--reason", "r"},
      {"open", "shop/web-1", "--playbook", "p", "--reason", "r", "--severity", "high"},
      {"report", "--since", "yesterday"},
      {"report", "--by", "moon"},
  };
  for (const auto& line : lines) {
    const auto result = parse(line);
    std::string shown;
    for (const std::string& word : line) shown += word + " ";
    INFO(shown);
    REQUIRE(std::holds_alternative<Ended>(result));
    const auto& ended = std::get<Ended>(result);
    CHECK(ended.code == ExitCode::kWrongUse);
    CHECK(ended.out.empty());
    CHECK(ended.err.find("kintsugi: ") == 0);
    CHECK(ended.err.find('\x1b') == std::string::npos);
  }
}

TEST_CASE("help goes to standard output and names the program as it was called") {
  const auto plain = std::get<Ended>(parse({"--help"}));
  CHECK(plain.code == ExitCode::kDone);
  CHECK(plain.out.find("kintsugi describe INCIDENT") != std::string::npos);
  CHECK(plain.out.find("0 done, 1 error, 2 wrong use, 3 nothing changed") != std::string::npos);
  CHECK(plain.out.find("kubectl") == std::string::npos);
  const auto plugin = std::get<Ended>(parse({"approve", "--help"}, "/opt/bin/kubectl-kintsugi"));
  CHECK(plugin.code == ExitCode::kDone);
  CHECK(plugin.out.find("kubectl kintsugi approve inc-") != std::string::npos);
}

TEST_CASE("help about a command is the command's own") {
  const auto help = [](std::vector<std::string> words) { return std::get<Ended>(parse(std::move(words))); };
  CHECK(help({"help"}).code == ExitCode::kDone);
  CHECK(help({"help"}).out == help({"--help"}).out);
  CHECK(help({"help", "approve"}).out == help({"approve", "--help"}).out);
  CHECK(help({"help", "approv"}).err ==
        "kintsugi: there is no command 'approv'; did you mean 'approve'?\nSee 'kintsugi --help'.\n");
}

TEST_CASE("a format that there is not is answered with those that there are") {
  const auto said = [](const char* format) { return std::get<Ended>(parse({"list", "-o", format})).err; };
  CHECK(said("csv") ==
        "kintsugi: --output: 'csv' is none of table, wide, json, yaml, name\nSee 'kintsugi --help'.\n");
  CHECK(said("jsonpath={.items}").find("name; for single fields: -o json | jq\n") != std::string::npos);
  CHECK(said("go-template-file=x").find("; for single fields: -o json | jq\n") != std::string::npos);
}

TEST_CASE("a mistyped command is answered with the one that was meant") {
  CHECK(std::get<Ended>(parse({"lst"})).err ==
        "kintsugi: there is no command 'lst'; did you mean 'list'?\nSee 'kintsugi --help'.\n");
  CHECK(std::get<Ended>(parse({"frobnicate"})).err.find("there is no command 'frobnicate'\n") !=
        std::string::npos);
}

TEST_CASE("suggested commands reach the same cluster, quoted for a shell") {
  CHECK(parsed({"list"}).program == "kintsugi");
  CHECK(parsed({"list", "--context", "prod eu", "-n", "sec"}).program ==
        "kintsugi --context 'prod eu' -n sec");
  CHECK(parsed({"list", "--context", "a'b;rm"}).program == R"(kintsugi --context 'a'\''b;rm')");
  CHECK(parsed({"list", "--context", "a\x1b[2J"}).program == "kintsugi --context '…'");
  CHECK(parsed({"list", "--context", "a\\b"}).program == "kintsugi --context '…'");
}

}  // namespace
}  // namespace kintsugi::cli
