// SPDX-License-Identifier: Apache-2.0
//
// What a rebuilt machine is told when it starts for the first time: cloud-init's data source NoCloud,
// https://cloudinit.readthedocs.io/en/latest/reference/datasources/nocloud.html.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace kintsugi::host {

inline constexpr std::size_t kMaxUserDataBytes = 1u << 20;
inline constexpr std::size_t kMaxNetworkConfigBytes = 256u << 10;

struct FirstBoot {
  std::string instance_id;  ///< another one than before: the machine makes new SSH host keys then
  std::string host_name;    ///< a DNS label
  std::string user_data;    ///< empty: nothing is configured; else by its first bytes what cloud-init knows
  std::string network_config;  ///< empty: none
};

/// The ISO 9660 image, volume "cidata", with meta-data, user-data and network-config. The same bytes for the
/// same values. Pure.
///
/// User data begins with "#cloud-config" or "#!", or is MIME with "MIME-Version:" in its first 4 KiB; other
/// forms, which cloud-init would pass over or fetch from elsewhere, are refused. Errors: kInvalidInput naming
/// the member, kTooLarge.
Result<std::string> seed_image(const FirstBoot& first_boot);

}  // namespace kintsugi::host
