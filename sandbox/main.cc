// SPDX-License-Identifier: Apache-2.0
//
// kintsugi-sandbox: serves the pocket cluster until it is told to stop (SIGINT, SIGTERM).
#include <signal.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <iostream>

#include "base/file.h"
#include "sandbox/sandbox.h"

using namespace kintsugi;

namespace {

struct Flags {
  sandbox::SandboxOptions cluster;
  bool seed_demo = false;
  std::string kubeconfig_out;
  std::string public_key_out;
};

/// Takes "ADDRESS:PORT" apart; CLI11 turns the exception into its message.
void add_listen(CLI::App& app, const char* name, std::string& address, std::uint16_t& port) {
  const auto parse = [&address, &port](const std::string& text) {
    const std::size_t colon = text.rfind(':');
    const char* end = text.data() + text.size();
    const bool good =
        colon != std::string::npos && std::from_chars(text.data() + colon + 1, end, port).ptr == end;
    if (!good) throw CLI::ValidationError(text, "not of the form ADDRESS:PORT");
    address = text.substr(0, colon);
  };
  app.add_option_function<std::string>(name, parse, "ADDRESS:PORT; port 0 is any free one");
}

void declare(CLI::App& app, Flags& flags) {
  add_listen(app, "--listen", flags.cluster.address, flags.cluster.port);
  add_listen(app, "--registry-listen", flags.cluster.registry_address, flags.cluster.registry_port);
  app.add_option("--seed", flags.cluster.seed, "Seed of names and UIDs");
  app.add_flag("--seed-demo", flags.seed_demo, "Add the namespace shop with its workloads and signed images");
  app.add_option("--kubeconfig-out", flags.kubeconfig_out, "Write a kubeconfig here");
  app.add_option("--public-key-out", flags.public_key_out,
                 "With --seed-demo: write the cosign public key here");
}

Result<void> write_outputs(sandbox::Sandbox& cluster, const Flags& flags) {
  const std::string public_key = flags.seed_demo ? sandbox::seed_demo(cluster) : "";
  if (!flags.public_key_out.empty() && !public_key.empty())
    if (auto written = write_file_durably(flags.public_key_out, public_key); !written) return written;
  if (flags.kubeconfig_out.empty()) return {};
  return write_file_durably(flags.kubeconfig_out, sandbox::make_kubeconfig(cluster.api_url()));
}

/// Serves until one of `signals`, which are blocked in all threads, arrives.
Result<void> serve(const Flags& flags, const sigset_t& signals) {
  const SystemClock clock;
  Logger log(clock, LogLevel::kInfo, standard_error_writer());
  auto cluster = sandbox::start_sandbox(flags.cluster, clock, log);
  if (!cluster) return fail(std::move(cluster).error());
  if (auto written = write_outputs(**cluster, flags); !written) return written;
  std::cout << "api " << (*cluster)->api_url() << "\nregistry " << (*cluster)->registry_host() << std::endl;
  int received = 0;
  sigwait(&signals, &received);
  (*cluster)->stop();
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("A pocket Kubernetes cluster and registry in one process, for demonstrations and tests");
  Flags flags;
  declare(app, flags);
  CLI11_PARSE(app, argc, argv);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const auto served = serve(flags, signals);
  if (served) return 0;
  std::cerr << "kintsugi-sandbox: " << served.error().to_string() << '\n';
  return 1;
}
