// SPDX-License-Identifier: Apache-2.0
#include "controller/program.h"

#include <malloc.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <random>
#include <thread>

#include "base/duration.h"
#include "base/version.h"
#include "controller/app.h"
#include "controller/directories.h"
#include "net/url.h"

namespace kintsugi::controller {
namespace {

constexpr int kMapFromBytes = 128 << 10;

/// "ADDR:PORT" or "[V6]:PORT"; an empty string on success, as CLI11's validators say it.
std::string parse_listen(const std::string& text, ListenAddress& out) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return "expected ADDRESS:PORT";
  std::string address = text.substr(0, colon);
  if (address.size() > 2 && address.front() == '[' && address.back() == ']')
    address = address.substr(1, address.size() - 2);
  const std::string port = text.substr(colon + 1);
  if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != std::string::npos ||
      std::stoul(port) > 65535) {
    return "not a port: " + port;
  }
  out = {address, std::uint16_t(std::stoul(port))};
  return {};
}

/// "90d", or "0"; an empty string on success.
std::string parse_time(const char* flag, const std::string& text, std::chrono::seconds& out) {
  const auto parsed = text == "0" ? Result<std::chrono::milliseconds>(0) : parse_duration(text);
  if (!parsed) return std::string(flag) + ": " + parsed.error().to_string();
  out = std::chrono::ceil<std::chrono::seconds>(*parsed);
  return {};
}

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address == "::1" || address == "localhost";
}

std::string make_identity() {
  char host[256] = "unknown";
  ::gethostname(host, sizeof host - 1);
  return std::string(host) + "_" + std::to_string(std::random_device()());
}

/// What the flags say together; empty: nothing wrong.
/// libvirt reaches other hypervisors than QEMU by other schemes, and takes what it does not know for one that
/// is away.
bool is_qemu(std::string_view uri) {
  const std::size_t end = uri.find("://");
  if (end == std::string_view::npos) return false;
  const std::string_view scheme = uri.substr(0, end);
  return scheme == "qemu" || scheme.starts_with("qemu+");
}

std::string check_host(const Settings& settings) {
  if (settings.host.state_file.empty()) return "--host needs --state";
  if (settings.playbooks_directory.empty()) return "--host needs --playbooks";
  if (settings.admission.is_enabled) return "--host has no --admission";
  if (!is_qemu(settings.host.libvirt_uri))
    return "--libvirt-uri: expected qemu:///system, or another URI of libvirt's for QEMU";
  return {};
}

std::string check(const Settings& settings) {
  const bool tls = !settings.signals_tls_certificate.empty() || !settings.signals_tls_key.empty();
  if (tls && (settings.signals_tls_certificate.empty() || settings.signals_tls_key.empty())) {
    return "--signals-tls-cert and --signals-tls-key go together";
  }
  if (!tls && !(settings.allow_plain_signals && is_loopback(settings.signals_listen.address))) {
    return "signals need --signals-tls-cert and --signals-tls-key; plain HTTP only on loopback with "
           "--allow-plain-signals";
  }
  if (settings.host.is_enabled) {
    if (std::string wrong = check_host(settings); !wrong.empty()) return wrong;
  }
  if (!settings.admission.url.empty()) {
    const auto url = net::parse_url(settings.admission.url);
    if (!url || !url->tls ||
        settings.admission.url.find('/', std::string_view("https://").size()) != std::string::npos)
      return "--admission-url: expected https://HOST:PORT";
  }
  if (tls && settings.signals_token_file.empty()) return "signals over TLS need --signals-token-file";
  return {};
}

std::string option_text(const CLI::Option* option) {
  return option->empty() ? "" : option->as<std::string>();
}

/// What is more than a word, before it is checked.
struct Texts {
  std::string retention = "90d";
  const CLI::Option* signals = nullptr;
  const CLI::Option* metrics = nullptr;
  const CLI::Option* admission = nullptr;
  std::string admission_after = "24h";
};

void add_resource_options(CLI::App& app, Settings& settings) {
  app.add_option("--kubeconfig", settings.kubeconfig,
                 "Kubeconfig; default: $KUBECONFIG, ~/.kube/config, in-cluster");
  app.add_option("--namespace", settings.name_space, "Where incidents, playbooks and trust policies live")
      ->envname("POD_NAMESPACE")
      ->capture_default_str();
  app.add_option("--playbooks", settings.playbooks_directory,
                 "Directory of Playbook files, beside the resources");
  app.add_option("--trust-policies", settings.trust_policies_directory,
                 "Directory of TrustPolicy files, beside the resources");
  app.add_option("--leader-elect", settings.leader_elect, "Elect a leader among replicas")
      ->capture_default_str();
}

void add_network_options(CLI::App& app, Settings& settings, Texts& texts) {
  texts.signals = app.add_option("--signals-listen", "ADDRESS:PORT for signals; default 127.0.0.1:8443");
  texts.metrics = app.add_option("--metrics-listen", "ADDRESS:PORT for metrics; default 127.0.0.1:9090");
  app.add_option("--signals-token-file", settings.signals_token_file, "Lines of 'source token'; reloaded");
  app.add_option("--signals-tls-cert", settings.signals_tls_certificate, "PEM certificate chain; reloaded");
  app.add_option("--signals-tls-key", settings.signals_tls_key, "PEM private key; reloaded");
  app.add_flag("--allow-plain-signals", settings.allow_plain_signals,
               "Signals without TLS and credentials, on loopback only");
  app.add_flag("--allow-http-registry", settings.allow_http_registry,
               "Plain HTTP also to registries that are not on loopback");
  app.add_option("--registry-config", settings.registry_config_file,
                 "Credentials for registries: a file as ~/.docker/config.json; reloaded");
  app.add_option("--registry-hosts", settings.registry_hosts_file,
                 "A file of mirrors, CAs, client certificates and proxies of registries");
  app.add_option("--sweep-images-per-minute", settings.sweep_images_per_minute,
                 "How many images each registry is asked about by day; 0: no limit")
      ->capture_default_str();
  app.add_option("--trusted-root", settings.trusted_root_files,
                 "trusted_root.json for keyless authorities that name none; repeatable; reloaded");
}

void add_admission_options(CLI::App& app, Settings& settings, Texts& texts) {
  app.add_flag("--admission", settings.admission.is_enabled,
               "Let the API server ask about images of new pods, during and after incidents");
  texts.admission =
      app.add_option("--admission-listen", "ADDRESS:PORT for the API server; default 127.0.0.1:9443");
  app.add_option("--admission-service", settings.admission.service,
                 "Service of --namespace by which the API server reaches that address, on port 443")
      ->capture_default_str();
  app.add_option("--admission-url", settings.admission.url,
                 "https://HOST:PORT by which it does, instead of a Service");
  app.add_option("--admission-name", settings.admission.name,
                 "Name of the Secret and the ValidatingWebhookConfiguration to keep; both exist already")
      ->capture_default_str();
  app.add_option("--admission-after", texts.admission_after, "For how long after an incident, such as 24h")
      ->capture_default_str();
}

void add_host_options(CLI::App& app, Settings& settings) {
  auto* host = app.add_flag("--host", settings.host.is_enabled,
                            "Recover virtual machines of this host, by libvirt; no cluster is needed");
  app.add_option("--libvirt-uri", settings.host.libvirt_uri, "As virsh --connect takes it")
      ->capture_default_str()
      ->needs(host);
  app.add_option("--state", settings.host.state_file, "The SQLite file with incidents and ledger")
      ->needs(host);
  app.add_option("--control-socket", settings.host.control_socket,
                 "Where 'kintsugi --host PATH' finds this process")
      ->needs(host);
  app.add_option("--images-dir", settings.host.images_directory,
                 "Where golden images are kept, which virtual machines have to be able to read; default: "
                 "'images' beside the state file")
      ->needs(host);
}

void add_storage_options(CLI::App& app, Settings& settings, Texts& texts) {
  app.add_option("--evidence-dir", settings.evidence_directory, "Where evidence is kept; a durable volume");
  app.add_option("--evidence-max-bytes", settings.evidence_budget.total_bytes,
                 "Of all evidence together; 0: no limit on a durable volume, 1.5 GiB on one that is not")
      ->capture_default_str();
  app.add_option("--evidence-memory-max-bytes", settings.evidence_budget.per_incident_dump_bytes,
                 "Of a machine's memory, for each incident")
      ->capture_default_str();
  app.add_option("--incident-retention", texts.retention,
                 "How long incidents that are over are kept, such as 90d; 0: for ever")
      ->capture_default_str();
  app.add_option("--max-closed-incidents", settings.max_closed_incidents,
                 "How many incidents that are over are kept; 0: any number")
      ->capture_default_str();
}

/// What is wrong with them; empty: nothing.
std::string take(const Texts& texts, Settings& settings) {
  std::string wrong;
  if (!texts.signals->empty()) wrong = parse_listen(option_text(texts.signals), settings.signals_listen);
  if (wrong.empty() && !texts.metrics->empty())
    wrong = parse_listen(option_text(texts.metrics), settings.metrics_listen);
  if (wrong.empty() && !texts.admission->empty())
    wrong = parse_listen(option_text(texts.admission), settings.admission.listen);
  if (wrong.empty()) wrong = parse_time("--incident-retention", texts.retention, settings.incident_retention);
  if (wrong.empty()) wrong = parse_time("--admission-after", texts.admission_after, settings.admission.after);
  return wrong.empty() ? check(settings) : wrong;
}

Result<void> run(const Settings& settings, const Run& run_host, const Clock& clock, Logger& log,
                 std::stop_token stop) {
  if (auto checked = check_configuration_directories(settings); !checked) return checked;
  if (const auto checked = check_evidence_directory(settings); !checked)
    log.error("Evidence cannot be kept", {{"error", checked.error().to_string()}});
  return settings.host.is_enabled ? run_host(settings, clock, log, std::move(stop))
                                  : run_controller(settings, clock, log, std::move(stop));
}

}  // namespace

int run_program(int argc, char** argv, const Run& run_host) {
  Settings settings;
  Texts texts;
  settings.identity = make_identity();
  CLI::App app("Kintsugi: carries a container breach from the first signal to a verified recovery",
               "kintsugi-controller");
  app.set_version_flag("--version", "kintsugi-controller " + std::string(version()));
  add_resource_options(app, settings);
  add_network_options(app, settings, texts);
  add_storage_options(app, settings, texts);
  add_admission_options(app, settings, texts);
  add_host_options(app, settings);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (const std::string wrong = take(texts, settings); !wrong.empty()) {
    std::cerr << "kintsugi-controller: " << wrong << "\n";
    return 2;
  }

  // More than a hundred threads, most of which wait: an arena for each few of them would only hold memory.
  ::mallopt(M_ARENA_MAX, 2);
  // A page of a listing goes back to the system when it has been read, instead of into the heap.
  ::mallopt(M_MMAP_THRESHOLD, kMapFromBytes);

  // Signals are taken by one thread; all others inherit the mask.
  sigset_t asked;
  sigemptyset(&asked);
  sigaddset(&asked, SIGINT);
  sigaddset(&asked, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &asked, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  std::stop_source stop;
  std::thread([asked, stop]() mutable {
    int number = 0;
    sigwait(&asked, &number);
    stop.request_stop();
    sigwait(&asked, &number);
    ::_exit(130);  // asked twice: at once
  }).detach();

  const SystemClock clock;
  Logger log(clock, LogLevel::kInfo, standard_error_writer());
  const auto ended = run(settings, run_host, clock, log, stop.get_token());
  if (!ended) {
    log.error("Could not start", {{"error", ended.error().to_string()}});
    return 1;
  }
  return 0;
}

}  // namespace kintsugi::controller
