// SPDX-License-Identifier: Apache-2.0
#include "targets/libvirt/domain.h"

#include <limits>

#include "targets/libvirt/domain_document.h"
#include "targets/libvirt/qemu_arguments.h"

namespace kintsugi::targets {
namespace {

/// `<memory unit="KiB">`, https://libvirt.org/formatdomain.html#memory-allocation; 0: cannot be read.
std::uint64_t read_memory(pugi::xml_node memory) {
  const std::string_view unit = memory.attribute("unit").as_string("KiB");
  std::uint64_t factor = 0;
  if (unit == "b" || unit == "bytes") factor = 1;
  if (unit == "KiB" || unit == "k") factor = 1u << 10;
  if (unit == "MiB" || unit == "M") factor = 1u << 20;
  if (unit == "GiB" || unit == "G") factor = 1u << 30;
  if (unit == "TiB" || unit == "T") factor = 1ull << 40;
  const std::uint64_t count = memory.text().as_ullong();
  const bool fits = factor > 0 && count <= std::numeric_limits<std::uint64_t>::max() / factor;
  return fits ? count * factor : 0;
}

}  // namespace

bool DomainPassage::is_fixed() const {
  return kind == kQemuPassage || kind == "serial" || kind == "console" || kind == "parallel" ||
         kind == "smartcard";
}

Result<Domain> parse_domain(std::string_view xml) {
  const auto document = parse_domain_document(xml);
  if (!document) return fail(document.error());
  const pugi::xml_node root = document->child("domain");
  Domain domain;
  domain.name = root.child_value("name");
  domain.uuid = root.child_value("uuid");
  domain.process = root.attribute("id").value();
  domain.memory_bytes = read_memory(root.child("memory"));
  domain.incident = read_mark(*document).first_child().attribute("incident").value();
  domain.terms = read_terms(*document);
  domain.rebuilt = read_rebuild_mark(*document);
  for (const pugi::xml_node device : root.child("devices").children()) {
    const std::string_view kind = device.name();
    if (kind == "interface") domain.interfaces.push_back(read_interface(device));
    if (kind == "disk") domain.disks.push_back(read_disk(device));
    if (auto passage = read_passage(device)) domain.passages.push_back(*std::move(passage));
  }
  for (DomainPassage& passage : read_qemu_passages(root)) domain.passages.push_back(std::move(passage));
  return domain;
}

}  // namespace kintsugi::targets
