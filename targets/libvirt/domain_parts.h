// SPDX-License-Identifier: Apache-2.0
//
// What a domain is made of, in parts that can be kept and compared: to tell what somebody has changed while
// it was isolated. What isolation and evidence change themselves is in none: their marks, how a network card
// is connected, the layer above a disk.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "targets/libvirt/domain.h"

namespace kintsugi::targets {

/// By name, for people: "disk vda", "<os>". The digest tells equal from different and nothing else: no
/// password goes into it.
using DomainParts = std::map<std::string, std::string>;

/// Of what the domain starts from. Nothing for what is no definition.
DomainParts parts_of_definition(std::string_view persistent, std::string_view incident);

/// Of the running domain: that there are these network cards, disks and passages.
DomainParts parts_of_running(const Domain& live);

struct PartChanges {
  std::vector<std::string> added;
  std::vector<std::string> removed;
  std::vector<std::string> changed;
};
PartChanges compare(const DomainParts& before, const DomainParts& now);

}  // namespace kintsugi::targets
