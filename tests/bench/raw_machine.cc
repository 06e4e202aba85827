// SPDX-License-Identifier: Apache-2.0
#include "raw_machine.h"

#include <libvirt/virterror.h>

#include <array>
#include <functional>
#include <stdexcept>

namespace kintsugi::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 30s;
constexpr auto kGlance = 1ms;
constexpr char kLinkDown[] = "<link state='down'/>";
constexpr char kLinkUp[] = "<link state='up'/>";
/// What the controller's own does.
constexpr char kFilter[] =
    "<filter name='bench-floor' chain='root'><rule action='drop' direction='inout' priority='-1000'><all/>"
    "</rule><rule action='drop' direction='inout' priority='-1000'><mac/></rule></filter>";
constexpr char kTermsNamespace[] = "https://kintsugi.dev/domain/v1";

[[noreturn]] void give_up(const std::string& what) {
  const virErrorPtr last = virGetLastError();
  throw std::runtime_error(what + ": " + (last != nullptr && last->message != nullptr ? last->message : "?"));
}

void check(int result, const char* what) {
  if (result < 0) give_up(what);
}

/// As the controller keeps disks: what is written from now on goes to another file.
constexpr char kSnapshot[] =
    "<domainsnapshot><disks><disk name='vda' snapshot='external'><driver type='qcow2'/></disk></disks>"
    "</domainsnapshot>";
constexpr unsigned kSnapshotFlags = VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY |
                                    VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA |
                                    VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC;

int append(virStreamPtr /*stream*/, const char* data, std::size_t size, void* into) {
  static_cast<std::string*>(into)->append(data, size);
  return int(size);
}

void stay_silent(void* /*data*/, virErrorPtr /*error*/) {}
void pulse(int /*timer*/, void* /*data*/) {}

std::string uuid_of(virDomainPtr domain) {
  std::array<char, VIR_UUID_STRING_BUFLEN> text{};
  return virDomainGetUUIDString(domain, text.data()) == 0 ? text.data() : "";
}

/// The only <interface> of a definition, without what it says of its link.
std::string card_of(const std::string& definition) {
  const std::size_t begin = definition.find("<interface ");
  const std::size_t end = definition.find("</interface>", begin);
  if (end == std::string::npos) throw std::runtime_error("the machine has no network card");
  return definition.substr(begin, end - begin);
}

MonotonicTime wait_until(const Clock& clock, const char* what, const std::function<bool()>& is_so) {
  const MonotonicTime end = clock.monotonic() + kPatience;
  for (;;) {
    const bool is = is_so();
    const MonotonicTime now = clock.monotonic();
    if (is) return now;
    if (now > end) throw std::runtime_error(std::string("not within 30 s: ") + what);
    std::this_thread::sleep_for(kGlance);
  }
}

}  // namespace

RawHost::RawHost(const std::string& uri, const Clock& clock) : clock_(clock) {
  virSetErrorFunc(nullptr, stay_silent);
  check(virEventRegisterDefaultImpl(), "libvirt's event loop");
  check(virEventAddTimeout(100, pulse, nullptr, nullptr), "libvirt's event loop");
  connection_ = virConnectOpen(uri.c_str());
  if (connection_ == nullptr) give_up(uri);
  callback_ = virConnectDomainEventRegisterAny(connection_, nullptr, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                               VIR_DOMAIN_EVENT_CALLBACK(&RawHost::on_event), this, nullptr);
  check(callback_, "events");
  const std::unique_ptr<virNWFilter, int (*)(virNWFilterPtr)> filter(
      virNWFilterDefineXML(connection_, kFilter), &virNWFilterFree);
  if (filter == nullptr) give_up("an nwfilter");
  loop_ = std::jthread([](const std::stop_token& stop) {
    while (!stop.stop_requested() && virEventRunDefaultImpl() == 0) {
    }
  });
}

RawHost::~RawHost() {
  virConnectDomainEventDeregisterAny(connection_, callback_);
  loop_.request_stop();
  loop_.join();
  virConnectClose(connection_);
}

int RawHost::on_event(virConnectPtr /*connection*/, virDomainPtr domain, int event, int /*detail*/,
                      void* self) {
  auto& host = *static_cast<RawHost*>(self);
  if (event != VIR_DOMAIN_EVENT_STARTED) return 0;
  const MonotonicTime now = host.clock_.monotonic();
  std::lock_guard lock(host.mutex_);
  host.started_[uuid_of(domain)] = now;
  return 0;
}

MonotonicTime RawHost::started(const std::string& uuid) const {
  std::lock_guard lock(mutex_);
  const auto found = started_.find(uuid);
  return found == started_.end() ? MonotonicTime() : found->second;
}

RawMachine::RawMachine(RawHost& host, const std::string& name)
    : host_(host), domain_(virDomainLookupByName(host.connection(), name.c_str()), &virDomainFree) {
  if (domain_ == nullptr) give_up(name);
  uuid_ = uuid_of(domain_.get());
  const std::string card = card_of(definition(0));
  card_up_ = card + kLinkUp + "</interface>";
  card_down_ = card + kLinkDown + "</interface>";
  card_filtered_ = card + kLinkDown + "<filterref filter='bench-floor'/></interface>";
}

RawMachine::~RawMachine() {
  (void)virDomainDestroy(domain_.get());
  (void)virDomainUndefineFlags(domain_.get(), VIR_DOMAIN_UNDEFINE_NVRAM);
}

std::string RawMachine::definition(unsigned flags) const {
  const std::unique_ptr<char, decltype(&std::free)> text(virDomainGetXMLDesc(domain_.get(), flags),
                                                         &std::free);
  if (text == nullptr) give_up("a definition");
  return text.get();
}

void RawMachine::set_link(bool up) {
  check(virDomainUpdateDeviceFlags(domain_.get(), (up ? card_up_ : card_down_).c_str(),
                                   VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG),
        "a link");
}

void RawMachine::filter() {
  check(virDomainUpdateDeviceFlags(domain_.get(), card_filtered_.c_str(), VIR_DOMAIN_AFFECT_LIVE),
        "a filter");
}

void RawMachine::pause() {
  check(virDomainSuspend(domain_.get()), "suspend");
}

void RawMachine::resume() {
  check(virDomainResume(domain_.get()), "resume");
}

void RawMachine::take_screenshot() {
  const std::unique_ptr<virStream, int (*)(virStreamPtr)> stream(virStreamNew(host_.connection(), 0),
                                                                 &virStreamFree);
  if (stream == nullptr) give_up("a stream");
  const std::unique_ptr<char, decltype(&std::free)> type(
      virDomainScreenshot(domain_.get(), stream.get(), 0, 0), &std::free);
  if (type == nullptr) give_up("a screenshot");
  std::string image;
  check(virStreamRecvAll(stream.get(), append, &image), "a screenshot");
  check(virStreamFinish(stream.get()), "a screenshot");
}

void RawMachine::preserve(const std::string& file) {
  const std::unique_ptr<virDomainSnapshot, int (*)(virDomainSnapshotPtr)> snapshot(
      virDomainSnapshotCreateXML(domain_.get(), kSnapshot, kSnapshotFlags), &virDomainSnapshotFree);
  if (snapshot == nullptr) give_up("a snapshot of the disks");
  take_screenshot();
  check(virDomainCoreDumpWithFormat(domain_.get(), file.c_str(), VIR_DOMAIN_CORE_DUMP_FORMAT_RAW,
                                    VIR_DUMP_MEMORY_ONLY),
        "a dump of the memory");
}

void RawMachine::redefine() {
  std::string stored = definition(VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);
  if (const std::size_t at = stored.find(kLinkDown); at != std::string::npos)
    stored.replace(at, sizeof kLinkDown - 1, kLinkUp);
  const virDomainPtr defined =
      virDomainDefineXMLFlags(host_.connection(), stored.c_str(), VIR_DOMAIN_DEFINE_VALIDATE);
  if (defined == nullptr) give_up("define");
  virDomainFree(defined);
}

void RawMachine::switch_over() {
  redefine();
  check(virDomainDestroy(domain_.get()), "destroy");
  check(virDomainCreate(domain_.get()), "create");
}

void RawMachine::protect(const std::string& attributes, const std::string& elements) {
  const std::string terms = "<domain protected='true' " + attributes + ">" + elements + "</domain>";
  check(virDomainSetMetadata(domain_.get(), VIR_DOMAIN_METADATA_ELEMENT, terms.c_str(), "kintsugi",
                             kTermsNamespace, VIR_DOMAIN_AFFECT_CONFIG),
        "metadata");
  redefine();  // of which the controller hears, so that it looks at once
}

bool RawMachine::is_link_up() const {
  return definition(0).find(kLinkDown) == std::string::npos;
}

int RawMachine::state() const {
  int state = 0;
  check(virDomainGetState(domain_.get(), &state, nullptr, 0), "state");
  return state;
}

MonotonicTime RawMachine::wait_link(bool up) {
  return wait_until(host_.clock(), up ? "its link is up" : "its link is down",
                    [&] { return is_link_up() == up; });
}

MonotonicTime RawMachine::wait_link_and_state(bool up, int wanted) {
  return wait_until(host_.clock(), up ? "its link is up, and it runs" : "its link is down, and it is paused",
                    [&] { return state() == wanted && is_link_up() == up; });
}

MonotonicTime RawMachine::wait_started_since(MonotonicTime since) {
  wait_until(host_.clock(), "it was started", [&] { return host_.started(uuid_) > since; });
  return host_.started(uuid_);
}

}  // namespace kintsugi::bench
