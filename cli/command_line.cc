// SPDX-License-Identifier: Apache-2.0
//
// The one file that knows CLI11.
#include <CLI/CLI.hpp>
#include <map>
#include <utility>

#include "base/duration.h"
#include "base/escape.h"
#include "base/strict_reader.h"
#include "cli/completion_scripts.h"
#include "cli/invocation.h"
#include "cli/target_word.h"
#include "cli/words.h"

namespace kintsugi::cli {
namespace {

constexpr std::chrono::milliseconds kCompletionTimeout{1000};  // a person waits with a finger on the key
constexpr const char* kExitCodes =
    "Exit codes: 0 done, 1 error, 2 wrong use, 3 nothing changed, 4 not ready (check).";

const std::map<std::string, OutputFormat> kFormats{
    {"table", OutputFormat::kTable},      {"wide", OutputFormat::kWide}, {"json", OutputFormat::kJson},
    {"yaml", OutputFormat::kYaml},        {"name", OutputFormat::kName}, {"csv", OutputFormat::kCsv},
    {"markdown", OutputFormat::kMarkdown}};

/// The tree of commands, filled in by CLI11 while it parses.
class CommandLine {
 public:
  explicit CommandLine(std::string program);
  std::variant<Invocation, Ended> parse(const std::vector<std::string>& arguments);
  /// What can stand where the last of `words` does; the words need not make sense yet.
  std::variant<Invocation, Ended> complete(const std::vector<std::string>& words);

 private:
  CLI::App& verb(Verb verb, const char* name, const char* description, const std::string& example);
  void limit(CLI::Option* option, std::vector<std::string> choices);
  void add_output(CLI::App& command, std::vector<std::string> choices);
  void add_incident(CLI::App& command);
  void add_reason(CLI::App& command);
  void add_change(CLI::App& command);
  void add_connection();
  void add_reading();
  void add_deciding();
  void add_open();
  void add_report();
  void add_check();
  void add_backup();
  void add_information();

  std::string unknown_command(const std::string& name) const;
  std::string complaint(const CLI::ParseError& error) const;
  Ended wrong(const std::string& message) const;
  std::string finish_host();
  std::string finish();
  Ended help() const;
  const CLI::App* find_command(const std::string& name) const;
  std::string commands_to_choose() const;
  std::string flags_to_choose(const CLI::App* command) const;
  std::string values_to_choose(const CLI::Option* option) const;

  const std::string program_;
  CLI::App app_;
  Invocation invocation_;
  std::string output_, pod_, timeout_, since_, dry_run_, victim_, topic_, shell_;
  std::map<const CLI::Option*, std::vector<std::string>> choices_;
};

CommandLine::CommandLine(std::string program)
    : program_(std::move(program)),
      app_(
          "Carries a container breach from the first signal to a verified recovery: the responder's "
          "command.\n\n"
          "At 03:00:  " +
              program_ + " list\n           " + program_ + " describe INCIDENT",
          program_) {
  app_.require_subcommand(1);
  app_.footer(kExitCodes);
  add_connection();
  add_reading();
  add_deciding();
  add_open();
  add_report();
  add_check();
  add_backup();
  add_information();
}

CLI::App& CommandLine::verb(Verb verb, const char* name, const char* description,
                            const std::string& example) {
  CLI::App* command = app_.add_subcommand(name, description);
  command->footer("Example:\n  " + program_ + " " + example + "\n\n'" + program_ +
                  " --help' has the options that every command takes.\n" + kExitCodes);
  command->fallthrough();
  command->callback([this, verb] { invocation_.verb = verb; });
  return *command;
}

void CommandLine::add_connection() {
  app_.add_option("--kubeconfig", invocation_.kubeconfig.path,
                  "This kubeconfig; default: KUBECONFIG, ~/.kube/config");
  app_.add_option("--context", invocation_.kubeconfig.context, "Context of the kubeconfig");
  app_.add_option("--cluster", invocation_.kubeconfig.cluster, "Cluster of the kubeconfig");
  app_.add_option("--user", invocation_.kubeconfig.user, "User of the kubeconfig");
  app_.add_option("-n,--namespace", invocation_.name_space, "Where Kintsugi's incidents live")
      ->capture_default_str()
      ->check(Check(check_namespace));
  app_.add_option("--host", invocation_.host,
                  "On a hypervisor: the control socket of its controller; no cluster is asked")
      ->check(Check(check_socket));
  app_.add_option("--request-timeout", timeout_,
                  "How long one request may take; default 5s; 0: as long as it takes")
      ->check(Check(check_timeout));
  app_.add_flag("--no-color", invocation_.no_color,
                "No colours; nor with NO_COLOR, TERM=dumb, or without a terminal");
}

void CommandLine::limit(CLI::Option* option, std::vector<std::string> choices) {
  choices_[option] = choices;
  const std::string shown = "{" + CLI::detail::join(choices, ",") + "}";
  option->check(
      [choices = std::move(choices)](const std::string& text) { return check_choice(text, choices); }, shown);
}

void CommandLine::add_output(CLI::App& command, std::vector<std::string> choices) {
  limit(command.add_option("-o,--output", output_, "Output format"), std::move(choices));
}

void CommandLine::add_incident(CLI::App& command) {
  command.add_option("INCIDENT", invocation_.incident, "Name of the incident")
      ->required()
      ->check(Check(check_incident));
}

void CommandLine::add_reason(CLI::App& command) {
  command.add_option("--reason", invocation_.reason, "Why; kept in the incident")
      ->required()
      ->check(Check(check_reason));
}

void CommandLine::add_change(CLI::App& command) {
  limit(command.add_option("--dry-run", dry_run_,
                           "client: show the change; server: have it checked; store nothing"),
        {"none", "client", "server"});
  command.add_flag("-y,--yes", invocation_.yes, "Ask no question");
  command.add_flag("--error-unchanged", invocation_.error_unchanged, "End with 3 where it is so already");
  add_output(command, {"name", "json", "yaml"});
}

void CommandLine::add_reading() {
  CLI::App& list = verb(Verb::kList, "list", "List incidents, the urgent ones first", "list -o wide");
  add_output(list, {"table", "wide", "json", "yaml", "name"});
  list.add_flag("--no-headers", invocation_.no_headers, "No line of titles");
  list.add_flag("-w,--watch", invocation_.watch, "Stay, and print what changes");
  list.add_flag("-A,--all-namespaces", invocation_.all_namespaces,
                "Incidents of all namespaces, wherever a Kintsugi runs; -n is ignored");
  list.add_option("--target-namespace", invocation_.pod_namespace,
                  "Only incidents of targets in this namespace")
      ->check(Check(check_namespace));
  list.add_option("-l,--selector", invocation_.selector, "Only incidents with these labels: 'a=b,c!=d'");

  CLI::App& describe =
      verb(Verb::kDescribe, "describe", "Show all of one incident, and what to do next", "describe inc-…-1");
  add_incident(describe);
  add_output(describe, {"table", "json", "yaml", "name"});

  CLI::App& timeline = verb(Verb::kTimeline, "timeline", "Show what happened when, and how long it took",
                            "timeline inc-…-1 -o markdown");
  add_incident(timeline);
  add_output(timeline, {"table", "json", "markdown"});
  timeline.add_flag("--no-headers", invocation_.no_headers, "No line of titles");
}

void CommandLine::add_deciding() {
  const std::pair<Verb, const char*> decisions[] = {{Verb::kApprove, "approve"}, {Verb::kDeny, "deny"}};
  for (const auto& [decision, name] : decisions) {
    CLI::App& command =
        verb(decision, name,
             decision == Verb::kApprove ? "Let a step that waits go on" : "Forbid a step that waits",
             std::string(name) + " inc-…-1 --step redeploy --reason 'checked with the team'");
    add_incident(command);
    limit(command.add_option("--step", invocation_.step,
                             "The step; default: the one that waits, after a question"),
          {"contain", "collect", "redeploy", "verify", "release"});
    add_reason(command);
    add_change(command);
  }

  CLI::App& hold =
      verb(Verb::kHold, "hold", "Stop an incident before its next step; isolation stays", "hold inc-…-1");
  add_incident(hold);
  add_change(hold);
  CLI::App& resume = verb(Verb::kResume, "resume", "Let a held incident go on", "resume inc-…-1");
  add_incident(resume);
  add_change(resume);

  CLI::App& release =
      verb(Verb::kRelease, "release", "It was a false alarm: end the incident and decide about the victim",
           "release inc-…-1 --victim restore --reason 'load test'");
  add_incident(release);
  limit(release.add_option("--victim", victim_,
                           "restore: give it back; leave: keep it isolated; delete; default restore"),
        {"restore", "leave", "delete"});
  release.add_option("--confirm", invocation_.confirm, "The incident's name once more, for --victim delete");
  add_reason(release);
  add_change(release);
}

void CommandLine::add_open() {
  CLI::App& open = verb(Verb::kOpen, "open", "Open an incident by hand",
                        "open shop/web-1 --playbook shell-in-container --reason 'seen mining'");
  open.add_option("POD", pod_, "NAMESPACE/NAME, or pod/NAME; with --host domain/NAME")->required();
  open.add_option("--pod-namespace", invocation_.pod_namespace,
                  "The pod's namespace; default: that of the context")
      ->check(Check(check_namespace));
  open.add_option("--playbook", invocation_.playbook, "The playbook to run")
      ->required()
      ->check(Check(check_playbook));
  limit(open.add_option("--severity", invocation_.severity, "Default error"),
        {"info", "warning", "error", "critical"});
  add_reason(open);
  add_change(open);
}

void CommandLine::add_report() {
  CLI::App& report =
      verb(Verb::kReport, "report", "How long containing and recovering took: n, mean, median, p90",
           "report --since 90d --by severity -o markdown");
  report.add_option("--since", since_, "How far back; default 90d")->check(Check(check_duration));
  limit(report.add_option("--by", invocation_.by, "What the rows are")->capture_default_str(),
        {"none", "severity", "source"});
  add_output(report, {"table", "json", "csv", "markdown"});
}

void CommandLine::add_check() {
  CLI::App& check = verb(Verb::kCheck, "check", "By day: which workloads could be contained and recovered",
                         "check -o wide");
  check.add_option("--workload-namespace", invocation_.pod_namespace, "Only the workloads of this namespace")
      ->check(Check(check_namespace));
  check.add_flag("--no-headers", invocation_.no_headers, "No line of titles");
  add_output(check, {"table", "wide", "json", "yaml"});
}

void CommandLine::add_backup() {
  CLI::App& backup =
      verb(Verb::kBackup, "backup", "On a hypervisor: copy the controller's database to a file",
           "--host /run/kintsugi.sock backup /var/backups/kintsugi.db");
  backup.add_option("FILE", invocation_.file, "Where to; it must not be there, and the controller writes it")
      ->required();
}

void CommandLine::add_information() {
  CLI::App& version = verb(Verb::kVersion, "version", "Say which version this is", "version -o json");
  version.add_flag("--client")->description("As kubectl has it; no server is asked in any case");
  add_output(version, {"table", "json", "yaml"});
  app_.set_version_flag("--version", program_, "As the command of that name");
  // Has a command line of its own (trust_command_line.cc); this makes it known to help and completion.
  app_.add_subcommand("trust", "Verify images and files by signature, without a cluster")->prefix_command();
  app_.add_subcommand("help", "Show what a command does, and its options")
      ->add_option("COMMAND", topic_, "Default: all of them");
  CLI::App* completion = app_.add_subcommand("completion", "Print what a shell completes command lines with");
  completion->footer("Example:\n  source <(kintsugi completion bash)");
  limit(completion->add_option("SHELL", shell_, "Which shell")->required(), {"bash", "zsh", "fish"});
}

std::string CommandLine::unknown_command(const std::string& name) const {
  std::vector<std::string_view> names;
  for (const CLI::App* command : app_.get_subcommands(nullptr)) names.push_back(command->get_name());
  const std::string suggestion = suggest(name, names);
  return "there is no command '" + name + "'" + (suggestion.empty() ? "" : "; " + suggestion);
}

/// CLI11 says of an unknown command only that one is missing.
std::string CommandLine::complaint(const CLI::ParseError& error) const {
  const std::vector<std::string> rest = app_.remaining();
  return !app_.get_subcommands().empty() || rest.empty() ? error.what() : unknown_command(rest.front());
}

Ended CommandLine::wrong(const std::string& message) const {
  return {ExitCode::kWrongUse, "",
          program_ + ": " + escape(message, 1024) + "\nSee '" + program_ + " --help'.\n"};
}

/// What --host stands for, and what does not go with it. CLI11's own excludes() lists in no certain order.
std::string CommandLine::finish_host() {
  if (invocation_.host.empty())
    return invocation_.verb == Verb::kBackup ? "backup is for hypervisors: say which with --host" : "";
  for (const char* flag : {"--kubeconfig", "--context", "--cluster", "--user", "--namespace"}) {
    if (app_.get_option(flag)->count() > 0)
      return std::string(flag) + " is for clusters; it does not go with --host";
  }
  if (invocation_.verb == Verb::kCheck)
    return "check is for clusters: it looks at their workloads, of which --host has none";
  invocation_.name_space = kHostNamespace;
  return {};
}

/// From words to values; every word was checked. The text of what is wrong, or nothing.
std::string CommandLine::finish() {
  Invocation& out = invocation_;
  out.program = program_;
  const std::pair<const char*, std::string> flags[] = {
      {" --kubeconfig ", out.kubeconfig.path},
      {" --context ", out.kubeconfig.context},
      {" --cluster ", out.kubeconfig.cluster},
      {" --user ", out.kubeconfig.user},
      {" --host ", out.host},
      {" -n ", out.name_space == Invocation().name_space ? "" : out.name_space}};
  for (const auto& [flag, value] : flags) {
    if (!value.empty()) out.program += flag + shell_quoted(value);
  }
  if (const std::string problem = finish_host(); !problem.empty()) return problem;
  out.incident = bare_name(out.incident);
  if (!output_.empty()) out.output = kFormats.at(output_);
  if (timeout_ == "0") {
    out.request_timeout = kNoTimeout;
  } else if (!timeout_.empty()) {
    out.request_timeout = *parse_duration(timeout_);
  }
  if (!since_.empty()) out.since = *parse_duration(since_);
  if (dry_run_ == "client") out.dry_run = DryRun::kClient;
  if (dry_run_ == "server") out.dry_run = DryRun::kServer;
  if (victim_ == "leave") out.victim = ReleaseOrder::Victim::kLeave;
  if (victim_ == "delete") out.victim = ReleaseOrder::Victim::kDelete;
  if (!out.confirm.empty() && bare_name(out.confirm) != out.incident) {
    return "--confirm names another incident than the one to be released";
  }
  const bool is_stream = out.output == OutputFormat::kTable || out.output == OutputFormat::kWide;
  if (out.watch && !is_stream) return "--watch goes with -o table and -o wide only";
  return out.verb == Verb::kOpen ? read_target_word(pod_, out) : std::string();
}

/// What `kintsugi help [COMMAND]` asks for.
Ended CommandLine::help() const {
  // An app that has parsed a command speaks for that command only.
  if (topic_.empty()) return {ExitCode::kDone, CommandLine(program_).app_.help(), ""};
  if (const CLI::App* command = find_command(topic_)) return {ExitCode::kDone, command->help(program_), ""};
  return wrong(unknown_command(topic_));
}

const CLI::App* CommandLine::find_command(const std::string& name) const {
  const auto found =
      app_.get_subcommands([&](const CLI::App* command) { return command->get_name() == name; });
  return found.empty() ? nullptr : found.front();
}

std::string CommandLine::commands_to_choose() const {
  std::string lines;
  for (const CLI::App* command : app_.get_subcommands(nullptr))
    lines += command->get_name() + "\t" + command->get_description() + "\n";
  return lines;
}

std::string CommandLine::flags_to_choose(const CLI::App* command) const {
  std::vector<const CLI::Option*> options = app_.get_options();
  if (command != nullptr) {
    std::erase(options, app_.get_help_ptr());  // the command has its own
    const auto more = command->get_options();
    options.insert(options.begin(), more.begin(), more.end());
  }
  std::string lines;
  for (const CLI::Option* option : options) {
    if (option->get_positional()) continue;
    lines += "--" + option->get_lnames().front() + "\t" + option->get_description() + "\n";
  }
  return lines;
}

std::string CommandLine::values_to_choose(const CLI::Option* option) const {
  const auto found = choices_.find(option);
  return found == choices_.end() ? "" : CLI::detail::join(found->second, "\n") + "\n";
}

std::variant<Invocation, Ended> CommandLine::complete(const std::vector<std::string>& words) {
  const CLI::App* command = nullptr;
  const CLI::Option* flag = nullptr;  // the one that waits for its value
  bool has_argument = false;
  std::vector<std::string> listing{program_, "list"};  // of the same cluster
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const CLI::Option* for_all = flag == nullptr ? app_.get_option_no_throw(words[i]) : nullptr;
    if (for_all != nullptr || (flag != nullptr && app_.get_option_no_throw(flag->get_name()) == flag))
      listing.push_back(words[i]);
    if (flag != nullptr) {
      flag = nullptr;
    } else if (words[i].starts_with('-')) {
      flag = for_all == nullptr && command != nullptr ? command->get_option_no_throw(words[i]) : for_all;
      if (flag != nullptr && flag->get_items_expected_max() == 0) flag = nullptr;
    } else if (command == nullptr) {
      command = find_command(words[i]);
    } else {
      has_argument = true;
    }
  }
  const auto offer = [](const std::string& lines, const char* last = ":4\n") {
    return Ended{ExitCode::kDone, lines + last, ""};
  };
  if (flag != nullptr) {
    const std::string values = values_to_choose(flag);
    return offer(values, values.empty() ? ":0\n" : ":4\n");
  }
  if (!words.empty() && words.back().starts_with('-')) return offer(flags_to_choose(command));
  if (command == nullptr) return offer(commands_to_choose());
  const auto arguments = command->get_options([](const CLI::Option* one) { return one->get_positional(); });
  if (arguments.empty() || has_argument) return offer("");
  if (arguments.front() == command->get_option_no_throw("COMMAND")) return offer(commands_to_choose());
  if (arguments.front() != command->get_option_no_throw("INCIDENT"))
    return offer(values_to_choose(arguments.front()));
  auto parsed = parse(listing);
  if (!std::holds_alternative<Invocation>(parsed)) return offer("");
  std::get<Invocation>(parsed).verb = Verb::kCompleteIncident;
  std::get<Invocation>(parsed).request_timeout = kCompletionTimeout;
  return parsed;
}

std::variant<Invocation, Ended> CommandLine::parse(const std::vector<std::string>& arguments) {
  // CLI11 takes them from the back.
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  if (!reversed.empty()) reversed.pop_back();
  try {
    app_.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    const auto chosen = app_.get_subcommands();
    return Ended{ExitCode::kDone, chosen.empty() ? app_.help() : chosen.front()->help(program_), ""};
  } catch (const CLI::CallForVersion&) {
    invocation_.verb = Verb::kVersion;
  } catch (const CLI::ParseError& error) {
    return wrong(complaint(error));
  }
  if (app_.got_subcommand("help")) return help();
  if (app_.got_subcommand("completion")) return Ended{ExitCode::kDone, completion_script(shell_), ""};
  if (const std::string problem = finish(); !problem.empty()) return wrong(problem);
  return std::move(invocation_);
}

}  // namespace

std::variant<Invocation, Ended> parse_command_line(const std::vector<std::string>& arguments) {
  const std::string called = arguments.empty() ? "" : arguments.front();
  CommandLine line(program_name(called));
  if (arguments.size() > 1 && arguments[1] == "__complete")
    return line.complete({arguments.begin() + 2, arguments.end()});
  if (called.ends_with("kubectl_complete-kintsugi"))
    return line.complete({arguments.begin() + 1, arguments.end()});
  return line.parse(arguments);
}

}  // namespace kintsugi::cli
