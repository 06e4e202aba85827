// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "host/images/golden_images.h"
#include "host/images/seed_image.h"
#include "targets/libvirt/domain_terms.h"

namespace kintsugi::host {

/// The files of one rebuilt machine, each of one incident: an earlier rebuild's are evidence by then.
struct MachinePaths {
  std::string overlay;  ///< what it writes to
  std::string seed;     ///< its first-boot data
  std::string nvram;    ///< its firmware's variables; libvirt makes it
};

/// What the machine is to be told at its first boot.
struct MachineIdentity {
  std::string instance_id;
  std::string name;  ///< of the domain
  targets::GoldenTerms terms;
};

/// Makes the files that rebuilt machines run from. Thread-safe for different machines.
class MachineFiles {
 public:
  using MakeOverlay =
      std::function<Result<void>(const GoldenImage&, const std::string& path, std::stop_token)>;
  using SeedImage = std::function<Result<std::string>(const FirstBoot&)>;

  /// `directory`: absolute; made when it is needed, so that QEMU can pass through it.
  MachineFiles(std::string directory, MakeOverlay make_overlay, SeedImage seed_image)
      : directory_(std::move(directory)),
        make_overlay_(std::move(make_overlay)),
        seed_image_(std::move(seed_image)) {}

  /// kInvalidInput where UUID or incident are no such names.
  Result<MachinePaths> paths(const std::string& uuid, const std::string& incident) const;

  /// What make() would make the files from now, as a digest: image, names, and the content of the host's side
  /// of the first-boot data. Error: FirstBootInvalid.
  Result<std::string> basis(const GoldenImage& image, const MachinePaths& paths,
                            const MachineIdentity& identity) const;

  /// Makes layer and first-boot data, durably, in place of what is there: nothing has run from it, and it may
  /// be half written. Returns the basis() that they were made from. Errors: FirstBootInvalid where the host's
  /// side of the first-boot data cannot be used; those of making the layer.
  Result<std::string> make(const GoldenImage& image, const MachinePaths& paths,
                           const MachineIdentity& identity, std::stop_token stop) const;

  /// Makes what is missing only: a machine may have run from the rest. Errors: as of make().
  Result<void> make_missing(const GoldenImage& image, const MachinePaths& paths,
                            const MachineIdentity& identity, std::stop_token stop) const;

  /// Takes away what nothing has run from.
  void remove(const MachinePaths& paths) const;

 private:
  Result<void> write_seed(const MachinePaths& paths, const FirstBoot& first_boot) const;

  const std::string directory_;
  const MakeOverlay make_overlay_;
  const SeedImage seed_image_;
};

/// The first part of a domain's name as a host name, which has letters, digits and dashes only: "Web_1.lan"
/// becomes "web-1"; "machine" where nothing is left of it.
std::string host_name_of(std::string_view domain_name);

}  // namespace kintsugi::host
