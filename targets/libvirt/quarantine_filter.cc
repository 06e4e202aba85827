// SPDX-License-Identifier: Apache-2.0
#include "targets/libvirt/quarantine_filter.h"

#include <fmt/format.h>

#include <map>
#include <pugixml.hpp>
#include <tuple>

#include "targets/libvirt/domain_document.h"

namespace kintsugi::targets {
namespace {

using isolation::IpNetwork;

constexpr char kClosedDefinition[] =
    "<filter name='kintsugi-quarantine' chain='root'>"
    "<rule action='drop' direction='inout' priority='-1000'><all/></rule>"
    "<rule action='drop' direction='inout' priority='-1000'><mac/></rule></filter>";

/// Neighbours are asked for by a group of addresses, of which this is the range (RFC 4291).
constexpr char kSolicitedNodes[] = "dstipaddr='ff02::1:ff00:0' dstipmask='104'";
constexpr char kNeighbourDiscovery[] = "protocol='icmpv6' type='135' typeend='136'";

/// One domain's rules. Those for the bridge decide about each frame by itself; those for TCP know connections
/// too, and keep the guest from opening one, where the host has bridged packets pass iptables. Masks are
/// always given: libvirt 9.0 takes one that is missing from the other address.
class ForensicRules {
 public:
  void add(const IpNetwork& guest, const ForensicException& exception) {
    if (guest.is_v6 != exception.from.is_v6) return;
    const Pair pair{guest, exception};
    guest.is_v6 ? add_neighbours(pair) : add_arp(pair);
    add_connections(pair);
  }

  std::string text() const {
    return "<rule action='drop' direction='out' priority='-1000'><mac match='no' srcmacaddr='$MAC'/></rule>" +
           rules_ + "<rule action='drop' direction='inout' priority='-800'><mac/></rule>" +
           "<rule action='drop' direction='inout' priority='900'><all/></rule>" +
           "<rule action='drop' direction='inout' priority='900'><all-ipv6/></rule>";
  }

 private:
  struct Pair {
    const IpNetwork& guest;
    const ForensicException& exception;
  };

  /// "srcipaddr='192.0.2.0' srcipmask='24'" for the prefix "src" and the suffix "".
  static std::string block(const char* name, const IpNetwork& network) {
    const std::string text = network.to_string();
    const std::size_t slash = text.find('/');
    return fmt::format("{0}addr='{1}' {0}mask='{2}'", name, text.substr(0, slash), text.substr(slash + 1));
  }

  void accept(const char* direction, const std::string& what) {
    rules_ +=
        fmt::format("<rule action='accept' direction='{}' priority='-900'><{}/></rule>", direction, what);
  }

  void add_arp(const Pair& pair) {
    const IpNetwork& from = pair.exception.from;
    accept("in", fmt::format("arp {} {}", block("arpsrcip", from), block("arpdstip", pair.guest)));
    accept("out", fmt::format("arp arpsrcmacaddr='$MAC' {} {}", block("arpsrcip", pair.guest),
                              block("arpdstip", from)));
  }

  void add_neighbours(const Pair& pair) {
    const IpNetwork& from = pair.exception.from;
    accept("in", fmt::format("ipv6 {} {}", block("srcip", from), kNeighbourDiscovery));
    accept("out", fmt::format("ipv6 {} {} protocol='icmpv6' type='135'", block("srcip", pair.guest),
                              kSolicitedNodes));
    accept("out", fmt::format("ipv6 {} {} {}", block("srcip", pair.guest), block("dstip", from),
                              kNeighbourDiscovery));
    for (const char* direction : {"in", "out"}) {
      for (const int type : {135, 136}) {
        rules_ += fmt::format(
            "<rule action='accept' direction='{}' priority='500' statematch='false'><icmpv6 "
            "type='{}'/></rule>",
            direction, type);
      }
    }
  }

  void add_connections(const Pair& pair) {
    const auto& [from, port] = std::tie(pair.exception.from, pair.exception.port);
    const char* const level = pair.guest.is_v6 ? "ipv6" : "ip";
    const auto at = [&](const char* side) {
      return port == 0 ? std::string() : fmt::format(" {}portstart='{}'", side, port);
    };
    accept("in", fmt::format("{} {} {} protocol='tcp'{}", level, block("srcip", from),
                             block("dstip", pair.guest), at("dst")));
    accept("out", fmt::format("{} {} {} protocol='tcp'{}", level, block("srcip", pair.guest),
                              block("dstip", from), at("src")));
    rules_ += fmt::format("<rule action='accept' direction='in' priority='500'><{} {} {}{}/></rule>",
                          pair.guest.is_v6 ? "tcp-ipv6" : "tcp", block("srcip", from),
                          block("dstip", pair.guest), at("dst"));
  }

  std::string rules_;
};

/// Attributes in whatever order.
std::string text_of(pugi::xml_node node) {
  std::map<std::string, std::string> attributes;
  for (const pugi::xml_attribute attribute : node.attributes())
    attributes.emplace(attribute.name(), attribute.value());
  std::string text = node.name();
  for (const auto& [name, value] : attributes) text += fmt::format(" {}='{}'", name, value);
  return text;
}

/// Rules and chain of filters; libvirt adds defaults to what it was given.
bool has_same_rules(pugi::xml_node one, pugi::xml_node other) {
  const auto text = [](pugi::xml_node filter) {
    std::string rules = filter.attribute("chain").value();
    for (const pugi::xml_node child : filter.children()) {
      if (std::string_view(child.name()) == "uuid") continue;
      rules += fmt::format(" <{}>", text_of(child));
      for (const pugi::xml_node protocol : child.children()) rules += fmt::format("<{}>", text_of(protocol));
    }
    return rules;
  };
  return text(one) == text(other);
}

}  // namespace

QuarantineFilter closed_filter() {
  return {kQuarantineFilter, kClosedDefinition};
}

std::string forensic_filter_name(const std::string& uuid) {
  return fmt::format("{}-{}", kQuarantineFilter, uuid);
}

QuarantineFilter forensic_filter(const std::string& uuid, std::span<const std::string> addresses,
                                 std::span<const ForensicException> exceptions) {
  ForensicRules rules;
  for (const std::string& address : addresses) {
    const bool is_v6 = address.find(':') != std::string::npos;
    const auto guest = isolation::parse_ip_network(address + (is_v6 ? "/128" : "/32"));
    if (!guest) continue;
    for (const ForensicException& exception : exceptions) rules.add(*guest, exception);
  }
  const std::string name = forensic_filter_name(uuid);
  pugi::xml_document document;
  document.load_string(("<filter chain='root'>" + rules.text() + "</filter>").c_str());
  document.first_child().prepend_attribute("name").set_value(name.c_str());
  return {name, to_xml(document.first_child())};
}

std::optional<std::string> mended_filter(const std::optional<std::string>& present,
                                         const QuarantineFilter& wanted) {
  pugi::xml_document document;
  document.load_string(wanted.definition.c_str());
  pugi::xml_node filter = document.first_child();
  pugi::xml_document known;
  if (present && known.load_buffer(present->data(), present->size())) {
    const pugi::xml_node before = known.first_child();
    if (has_same_rules(before, filter)) return std::nullopt;
    filter.prepend_child("uuid").text().set(before.child_value("uuid"));
  }
  return to_xml(filter);
}

}  // namespace kintsugi::targets
