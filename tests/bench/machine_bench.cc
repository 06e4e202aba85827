// SPDX-License-Identifier: Apache-2.0
//
// machine-bench: how long the controller of a hypervisor takes to isolate a machine, to give it back and to
// rebuild it, beside libvirt's own calls for the same. Run by tests/lab/with-machines.sh; `./run bench` does.
#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <stdexcept>

#include "machine_site.h"
#include "model/target.h"
#include "raw_machine.h"
#include "report.h"

namespace {

using namespace kintsugi;
using namespace kintsugi::bench;
using namespace std::chrono_literals;

/// Between two measurements, so that what one leaves to do is not in the next one's time.
constexpr auto kSettle = 300ms;
/// A machine that was just started has its firmware's work to do.
constexpr auto kFirmware = 1s;
/// For so long an incident does not act on what a person orders.
constexpr auto kPersonGrace = 5s;

struct Options {
  std::size_t runs = 30;
  unsigned seconds = 300;
};

struct Lab {
  std::string uri;
  std::string script;
  std::string files;
};

/// What is measured of each machine.
struct Figures {
  Samples link, raw_link;            ///< until the link is down
  Samples contained, raw_contained;  ///< and its processors stand still
  Samples released, raw_released;    ///< until both are back
  Samples switched, raw_switched;    ///< until the process of the next definition is there
  Samples preserved, raw_preserved;  ///< isolated, and its disks and memory kept
  Samples rebuilt, raw_rebuilt;      ///< the whole way to the next process
  Samples recovered;
};

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr)
    throw std::runtime_error(std::string(name) + " is not set: run this by tests/lab/with-machines.sh");
  return value;
}

void make_machine(const Lab& lab, const std::string& name) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing changes the environment
  if (std::system((lab.script + " empty " + name + " 2> /dev/null").c_str()) != 0)
    throw std::runtime_error("the lab makes no machine " + name);
}

void cut_off(RawMachine& machine) {
  machine.set_link(false);
  machine.pause();
  machine.filter();
}

/// What the controller asks of libvirt, and nothing else.
void measure_floor(RawMachine& machine, const std::string& memory_file, const Clock& clock, Figures& out) {
  MonotonicTime start = clock.monotonic();
  machine.set_link(false);
  out.raw_link.add(machine.wait_link(false) - start);
  machine.set_link(true);
  std::this_thread::sleep_for(kSettle);

  start = clock.monotonic();
  cut_off(machine);
  const Duration contained = clock.monotonic() - start;
  out.raw_contained.add(contained);
  std::this_thread::sleep_for(kSettle);
  start = clock.monotonic();
  machine.set_link(true);
  machine.resume();
  out.raw_released.add(machine.wait_link_and_state(true, VIR_DOMAIN_RUNNING) - start);
  std::this_thread::sleep_for(kSettle);

  cut_off(machine);
  std::this_thread::sleep_for(kSettle);
  start = clock.monotonic();
  machine.preserve(memory_file);
  const Duration preserved = contained + (clock.monotonic() - start);
  out.raw_preserved.add(preserved);
  start = clock.monotonic();
  machine.switch_over();
  const Duration switched = machine.wait_started_since(start) - start;
  out.raw_switched.add(switched);
  out.raw_rebuilt.add(preserved + switched);
  std::this_thread::sleep_for(kSettle);
}

std::string incident_of(const RawMachine& machine, unsigned number) {
  return incident_name({"Domain", "host", "", machine.uuid()}, number);
}

/// A false alarm: isolated, and given back.
void measure_false_alarm(RawMachine& machine, MachineSite& site, const std::string& name, const Clock& clock,
                         Figures& out) {
  const std::string incident = incident_of(machine, 1);
  MonotonicTime start = clock.monotonic();
  site.signal(name, MachineSite::Evidence::kNone);
  out.link.add(machine.wait_link(false) - start);
  out.contained.add(site.wait_said(incident, "Contained=True") - start);
  std::this_thread::sleep_for(kPersonGrace + kSettle);
  start = clock.monotonic();
  site.release(incident);
  out.released.add(machine.wait_link_and_state(true, VIR_DOMAIN_RUNNING) - start);
  site.wait_said(incident, "Released by");
  std::this_thread::sleep_for(kSettle);
}

void measure_rebuild(RawMachine& machine, MachineSite& site, const std::string& name, const Clock& clock,
                     Figures& out) {
  const std::string incident = incident_of(machine, 2);
  const MonotonicTime start = clock.monotonic();
  site.signal(name, MachineSite::Evidence::kKept);
  out.preserved.add(site.wait_said(incident, "EvidencePreserved=True") - start);
  const MonotonicTime begun = site.wait_said(incident, "Redeployed=False Rebuilding");
  const MonotonicTime started = machine.wait_started_since(start);
  out.switched.add(started - begun);
  out.rebuilt.add(started - start);
  out.recovered.add(site.wait_said(incident, "Recovered=True") - start);
  site.wait_said(incident, "Closed=True");
}

void measure_one(const Lab& lab, RawHost& host, MachineSite& site, const std::string& name, Figures& out) {
  make_machine(lab, name);
  RawMachine machine(host, name);
  std::this_thread::sleep_for(kFirmware);
  const std::string memory_file = lab.files + "/" + name + ".elf";
  measure_floor(machine, memory_file, host.clock(), out);
  std::filesystem::remove(memory_file);
  machine.protect("mode='contain-only'", "");
  std::this_thread::sleep_for(kSettle);
  measure_false_alarm(machine, site, name, host.clock(), out);
  machine.protect("", fmt::format("<image source='{}/images/golden.qcow2'/>", lab.files));
  std::this_thread::sleep_for(kSettle);
  measure_rebuild(machine, site, name, host.clock(), out);
}

void print(Report& report, const Figures& figures) {
  const auto both = [&](const std::string& what, const Samples& measured, const Samples& floor) {
    report.ratio(what + ", p50", measured.percentile(0.5), floor.percentile(0.5));
    report.ratio(what + ", p99", measured.percentile(0.99), floor.percentile(0.99));
  };
  report.heading(
      "Containment: signal sent until the link is down; the floor: the link alone, live and for later");
  both("link down", figures.link, figures.raw_link);
  report.heading("The same until Contained=True; the floor: link down, suspend, an nwfilter");
  both("contained", figures.contained, figures.raw_contained);
  report.heading(
      "Release: ordered until its link is up and it runs; the floor: the link, without a filter, and resume");
  both("given back", figures.released, figures.raw_released);
  report.heading(
      "Evidence: signal sent until EvidencePreserved=True; the floor: contained, and then a layer over the "
      "disk, a screenshot, a dump of the memory");
  both("preserved", figures.preserved, figures.raw_preserved);
  report.heading("The switch: planned until its new process is there; the floor: define, destroy, create");
  both("switched", figures.switched, figures.raw_switched);
  report.heading(
      "The rebuild: signal sent until the new process is there; the floor: preserved and switched");
  both("rebuilt", figures.rebuilt, figures.raw_rebuilt);
  const auto seconds = [](Duration time) {
    return fmt::format("{:.2f} s", std::chrono::duration<double>(time).count());
  };
  report.figure("signal to Recovered=True, p50", seconds(figures.recovered.percentile(0.5)));
  report.figure("signal to Recovered=True, p99", seconds(figures.recovered.percentile(0.99)));
}

void run(const Options& options, Report& report) {
  const SystemClock clock;
  const Lab lab{environment("KINTSUGI_LIBVIRT_URI"), environment("KINTSUGI_VM_LAB"),
                environment("LAB_DIR") + "/vm"};
  double load = 0;
  ::getloadavg(&load, 1);
  report.remark(fmt::format("{} CPUs, load average {:.1f} at the start; machines without an operating system",
                            std::thread::hardware_concurrency(), load));
  RawHost host(lab.uri, clock);
  MachineSite site(lab.uri, lab.files, clock);
  Figures first;  // libvirt asks QEMU what it can do, and the image is not there yet
  measure_one(lab, host, site, "bench0", first);
  Figures figures;
  const MonotonicTime end = clock.monotonic() + std::chrono::seconds(options.seconds);
  std::size_t done = 0;
  for (; done < options.runs && clock.monotonic() < end; ++done)
    measure_one(lab, host, site, fmt::format("bench{}", done + 1), figures);
  if (done < options.runs) report.remark(fmt::format("out of time after {} machines", done));
  report.remark(fmt::format("{} machines, one after the other", done));
  print(report, figures);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures the controller of a hypervisor on the lab's machines, beside libvirt's own calls.");
  Options options;
  app.add_option("--runs", options.runs, "machines")->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_option("--seconds", options.seconds, "no machine is begun after that")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  Report report;
  try {
    run(options, report);
  } catch (const std::exception& trouble) {
    report.failure(trouble.what());
  }
  return report.failed() ? EXIT_FAILURE : EXIT_SUCCESS;
}
