// SPDX-License-Identifier: Apache-2.0
#include "tests/machines/host_site.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "tests/machines/machine_lab.h"

namespace kintsugi::machines {

using support::ControllerOptions;
using support::ControllerProcess;

bool comes_true(const std::function<bool()>& what, std::chrono::seconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!what()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

std::string event_about(const std::string& domain) {
  return R"({"rule": "Terminal shell in container", "priority": "Critical", "output": "a shell",)"
         R"( "output_fields": {"container.id": "host", "kintsugi.domain": ")" +
         domain + "\"}}";
}

std::string incident_of(const std::string& uuid) {
  return incident_name({"Domain", "host", "", uuid}, 1);
}

void order_release(incidents::SqliteIncidentStore& store, Incident incident, ReleaseOrder::Victim victim) {
  ReleaseOrder order;
  order.by = "ada";
  order.reason = "false alarm";
  order.victim = victim;
  incident.spec.release = order;
  const auto written = store.update_decisions(incident);
  if (!written) FAIL(written.error().to_string());
}

void order_approval(incidents::SqliteIncidentStore& store, Incident incident, const std::string& step,
                    bool is_approved) {
  incident.spec.approvals.push_back({step, is_approved, "ada", "because", SystemClock().now()});
  const auto written = store.update_decisions(incident);
  if (!written) FAIL(written.error().to_string());
}

std::string playbook_of(const std::string& mode, const std::string& steps) {
  return fmt::format(R"(
apiVersion: kintsugi.dev/v1alpha1
kind: Playbook
metadata: {{name: shell-in-machine}}
spec:
  signals: [{{source: falco, rules: ["Terminal shell*"]}}]
  mode: {}
  steps: {}
)",
                     mode, steps);
}

Site::Site(const std::string& playbook, const std::string& trust_policy) {
  directory_.write("playbooks/shell.yaml", playbook);
  directory_.write("trust-policies/golden.yaml", trust_policy);
  directory_.write("state/.keep", "");
}

ControllerProcess& Site::start() {
  controller_.reset();
  ControllerOptions options;
  options.name_space = "host";
  options.directory = directory_.path();
  options.flags = {"--host", "--libvirt-uri", uri(), "--state", state()};
  if (lab_is_as_installed()) run_as_installed(options);
  controller_ = std::make_unique<ControllerProcess>(options);
  controller_->require_ready();
  return *controller_;
}

void Site::run_as_installed(ControllerOptions& options) {
  constexpr uid_t kUser = 65534;  // nobody: a user without a name gets no connection
  const std::filesystem::path programs = directory_ / "bin";
  struct stat libvirt{};
  REQUIRE(::stat((lab_files() + "/sock/libvirt-sock").c_str(), &libvirt) == 0);
  // What packaging/kintsugi-host.service gives it.
  options.run_by = {"setpriv",
                    fmt::format("--reuid={}", kUser),
                    fmt::format("--regid={}", kUser),
                    fmt::format("--groups={}", libvirt.st_gid),
                    "--inh-caps=-all,+dac_override",
                    "--ambient-caps=-all,+dac_override",
                    "--bounding-set=-all,+dac_override",
                    "--pdeathsig=KILL",
                    "--no-new-privs"};
  options.program = programs / "kintsugi-controller";
  std::filesystem::create_directory(programs);
  for (const char* name : {"kintsugi-controller", "kintsugi-host-controller"})
    std::filesystem::copy_file(std::filesystem::path(KINTSUGI_PROGRAMS) / name, programs / name,
                               std::filesystem::copy_options::skip_existing);
  give_files_to(kUser);
}

/// The controller believes nothing in directories that are another user's, and no more does a test that opens
/// its store.
void Site::give_files_to(uid_t user) {
  REQUIRE(std::system(fmt::format("chown -R {0}:{0} {1} && chmod 711 {1} {1}/state", user, path()).c_str()) ==
          0);  // NOLINT(concurrency-mt-unsafe): nothing changes the environment
}

void Site::end() {
  if (controller_) (void)controller_->stop();
  controller_.reset();
}

bool Site::logs(const std::string& text, std::chrono::seconds patience) {
  const bool came = comes_true([&] { return controller_->log().find(text) != std::string::npos; }, patience);
  if (!came) UNSCOPED_INFO("the controller's log ends with\n" << support::tail(controller_->log(), 20));
  return came;
}

std::vector<Incident> Site::incidents(const Edit& edit) {
  end();
  if (lab_is_as_installed()) give_files_to(0);
  const auto database = incidents::SqliteDatabase::open(state());
  if (!database) FAIL(database.error().to_string());
  const auto store = incidents::SqliteIncidentStore::open(**database, clock_);
  REQUIRE(store);
  std::vector<Incident> found;
  for (const auto& incident : (*store)->list()) {
    found.push_back(*incident);
    if (edit) edit(**store, *incident);
  }
  return found;
}

std::vector<Incident> Site::release(ReleaseOrder::Victim victim) {
  return incidents([&](auto& store, const Incident& incident) { order_release(store, incident, victim); });
}

void Site::protect(const std::string& domain, const std::string& attributes, const std::string& elements) {
  const std::string command = fmt::format(
      "virsh -q -c '{}' metadata {} https://kintsugi.dev/domain/v1 --key kintsugi --set \"<domain "
      "protected='true' {}>{}</domain>\" --config",
      uri(), domain, attributes, elements);
  REQUIRE(std::system(command.c_str()) ==
          0);  // NOLINT(concurrency-mt-unsafe): nothing changes the environment
}

}  // namespace kintsugi::machines
