// SPDX-License-Identifier: Apache-2.0
#include "targets/libvirt/domain_terms.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <initializer_list>

#include "base/escape.h"
#include "base/kubernetes_name.h"
#include "base/machine_name.h"
#include "targets/libvirt/domain_document.h"

namespace kintsugi::targets {
namespace {

constexpr std::size_t kShownBytes = 80;

/// Reads one element after the other, and keeps what is wrong with them.
class TermsReader {
 public:
  explicit TermsReader(DomainTerms& terms) : terms_(terms) {}

  void read(pugi::xml_node terms);

 private:
  void read_child(pugi::xml_node child);
  void read_label(pugi::xml_node label);
  void read_address(pugi::xml_node address);
  void read_image(pugi::xml_node image);
  void read_probe(pugi::xml_node probe);
  void read_data_disk(pugi::xml_node disk);
  void read_quarantine(pugi::xml_node quarantine);
  void read_forensics(pugi::xml_node forensics);
  void check_forensics();

  void complain(const std::string& what) {
    if (terms_.problems.size() < kMaxTermElements) terms_.problems.push_back(what);
  }
  /// Complains of attributes that the element does not have.
  void expect_only(pugi::xml_node node, std::initializer_list<std::string_view> attributes);
  /// The value, which has to be of printable characters and not too long; complains otherwise.
  std::string text(pugi::xml_node node, const char* attribute);
  /// The same of an absolute path.
  std::string path(pugi::xml_node node, const char* attribute);

  DomainTerms& terms_;
};

std::string shown(std::string_view value) {
  return fmt::format("'{}'", escape(value, kShownBytes));
}

void TermsReader::expect_only(pugi::xml_node node, std::initializer_list<std::string_view> attributes) {
  for (const pugi::xml_attribute attribute : node.attributes()) {
    const std::string_view name = attribute.name();
    if (name.starts_with("xmlns")) continue;
    if (std::find(attributes.begin(), attributes.end(), name) == attributes.end())
      complain(fmt::format("<{}> has no attribute {}", node.name(), shown(name)));
  }
}

std::string TermsReader::text(pugi::xml_node node, const char* attribute) {
  const std::string_view value = node.attribute(attribute).value();
  const bool is_printable =
      std::all_of(value.begin(), value.end(), [](unsigned char byte) { return byte >= ' ' && byte != 0x7f; });
  if (is_printable && value.size() <= kMaxTermBytes) return std::string(value);
  complain(fmt::format("{} of <{}> is too long, or has control characters", attribute, node.name()));
  return {};
}

std::string TermsReader::path(pugi::xml_node node, const char* attribute) {
  std::string value = text(node, attribute);
  if (value.empty() || value.front() == '/') return value;
  complain(
      fmt::format("{} of <{}> has to be an absolute path, and is {}", attribute, node.name(), shown(value)));
  return {};
}

void TermsReader::read_label(pugi::xml_node label) {
  expect_only(label, {"name", "value"});
  terms_.labels.insert_or_assign(text(label, "name"), text(label, "value"));
}

void TermsReader::read_address(pugi::xml_node address) {
  expect_only(address, {"value"});
  const std::string value = text(address, "value");
  if (auto known = normal_address(value)) return terms_.addresses.push_back(*std::move(known));
  complain(fmt::format("{} is no address", shown(value)));
}

void TermsReader::read_image(pugi::xml_node image) {
  expect_only(image, {"source", "bundle", "checksums", "disk", "user-data", "network-config"});
  if (terms_.image) return complain("there is more than one <image>");
  terms_.image =
      GoldenTerms{text(image, "source"),    text(image, "bundle"),         text(image, "disk"),
                  path(image, "user-data"), path(image, "network-config"), text(image, "checksums")};
  if (terms_.image->source.empty()) complain("<image> has no source");
}

void TermsReader::read_probe(pugi::xml_node probe) {
  expect_only(probe, {"http", "expect", "tcp", "agent"});
  ProbeTerms read;
  int kinds = 0;
  if (probe.attribute("http")) {
    ++kinds;
    read = {ProbeTerms::Kind::kHttp, text(probe, "http"), text(probe, "expect")};
  }
  if (probe.attribute("tcp")) {
    ++kinds;
    read = {ProbeTerms::Kind::kTcp, text(probe, "tcp"), ""};
  }
  if (probe.attribute("agent")) {
    ++kinds;
    read = {};
    if (text(probe, "agent") != "true") complain("agent of <probe> can be 'true' only");
  }
  if (kinds != 1) return complain("<probe> has to have one of http, tcp and agent");
  if (probe.attribute("expect") && read.kind != ProbeTerms::Kind::kHttp)
    complain("only <probe http='…'> can expect something");
  terms_.probes.push_back(std::move(read));
}

void TermsReader::read_data_disk(pugi::xml_node disk) {
  expect_only(disk, {"target", "after"});
  const std::string target = text(disk, "target");
  const std::string after = text(disk, "after");
  DataDiskRule rule = DataDiskRule::kDetach;
  if (after == "read-only") {
    rule = DataDiskRule::kReadOnly;
  } else if (after == "approval") {
    rule = DataDiskRule::kApproval;
  } else if (!after.empty() && after != "detach") {
    complain(fmt::format("after of <data-disk> can be 'detach', 'read-only' or 'approval', and is {}",
                         shown(after)));
  }
  if (target.empty()) return complain("<data-disk> has no target");
  if (!terms_.data_disks.emplace(target, rule).second)
    complain(fmt::format("there is more than one <data-disk> for {}", shown(target)));
}

void TermsReader::read_quarantine(pugi::xml_node quarantine) {
  expect_only(quarantine, {"bridge", "network"});
  if (terms_.quarantine) return complain("there is more than one <quarantine>");
  const std::string bridge = text(quarantine, "bridge");
  const std::string network = text(quarantine, "network");
  if (bridge.empty() == network.empty())
    return complain("<quarantine> has to have one of bridge and network");
  using Kind = QuarantineTerms::Kind;
  terms_.quarantine = bridge.empty() ? QuarantineTerms{Kind::kNetwork, network}  //
                                     : QuarantineTerms{Kind::kBridge, bridge};
}

/// "192.0.2.7" or "192.0.2.0/28", of machines that there are.
std::optional<isolation::IpNetwork> parse_visitors(const std::string& text) {
  const bool is_v6 = text.find(':') != std::string::npos;
  const bool has_prefix = text.find('/') != std::string::npos;
  auto read = isolation::parse_ip_network(has_prefix ? text : text + (is_v6 ? "/128" : "/32"));
  if (!read) return std::nullopt;
  const std::string block = read->to_string();
  const auto address = normal_address(block.substr(0, block.find('/')));
  return address && is_shared_address(*address) ? std::nullopt : read;
}

void TermsReader::read_forensics(pugi::xml_node forensics) {
  expect_only(forensics, {"profile", "from", "tcp"});
  ForensicException read;
  read.profile = text(forensics, "profile");
  if (!is_dns_label(read.profile))
    return complain(fmt::format("profile of <forensics> is no name: {}", shown(read.profile)));
  const std::string from = text(forensics, "from");
  const auto visitors = parse_visitors(from);
  if (!visitors)
    return complain(fmt::format("from of <forensics> is no address or block of some: {}", shown(from)));
  read.from = *visitors;
  if (const auto attribute = forensics.attribute("tcp")) {
    const std::string_view port = attribute.value();
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), read.port);
    if (error != std::errc() || end != port.data() + port.size() || read.port == 0)
      return complain(fmt::format("tcp of <forensics> is no port: {}", shown(port)));
  }
  terms_.forensics.push_back(std::move(read));
}

/// What says nothing by itself.
void TermsReader::check_forensics() {
  if (terms_.forensics.empty()) return;
  if (!terms_.quarantine) complain("<forensics> needs a <quarantine>: a link that is down has no exceptions");
  if (terms_.addresses.empty()) complain("<forensics> needs an <address> of the guest");
  if (terms_.forensics.size() * terms_.addresses.size() <= kMaxForensicPairs) return;
  terms_.forensics.clear();
  complain(fmt::format("<forensics> times <address> are more than {}", kMaxForensicPairs));
}

void TermsReader::read_child(pugi::xml_node child) {
  const std::string_view name = child.name();
  if (name == "label") return read_label(child);
  if (name == "address") return read_address(child);
  if (name == "image") return read_image(child);
  if (name == "probe") return read_probe(child);
  if (name == "data-disk") return read_data_disk(child);
  if (name == "quarantine") return read_quarantine(child);
  if (name == "forensics") return read_forensics(child);
  complain(fmt::format("<domain> has no element {}", shown(name)));
}

void TermsReader::read(pugi::xml_node terms) {
  if (!terms) return;
  expect_only(terms, {"protected", "mode"});
  const std::string said = text(terms, "protected");
  terms_.is_protected = said == "true";
  if (!said.empty() && said != "true" && said != "false")
    complain(fmt::format("protected can be 'true' or 'false', and is {}", shown(said)));
  terms_.mode = text(terms, "mode");
  std::size_t count = 0;
  for (const pugi::xml_node child : terms.children()) {
    if (++count > kMaxTermElements) {
      complain("there are too many elements");
      break;
    }
    read_child(child);
  }
  check_forensics();
}

}  // namespace

DomainTerms read_terms(const pugi::xml_document& domain) {
  DomainTerms terms;
  const pugi::xml_document element = read_metadata(domain, "domain", kTermsNamespace);
  TermsReader(terms).read(element.first_child());
  return terms;
}

}  // namespace kintsugi::targets
