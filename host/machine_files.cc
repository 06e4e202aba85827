// SPDX-License-Identifier: Apache-2.0
#include "host/machine_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "base/kubernetes_name.h"
#include "base/machine_name.h"
#include "trust/crypto/digest.h"

namespace kintsugi::host {
namespace {

constexpr std::size_t kMaxFirstBootBytes = 1u << 20;
constexpr std::size_t kMaxHostName = 63;
/// What cloud-init takes for no wishes at all.
constexpr char kNoUserData[] = "#cloud-config\n{}\n";

Error first_boot_error(Error error) {
  error.reason = "FirstBootInvalid";
  return error;
}

Result<std::string> read_text(const std::string& path, const char* otherwise) {
  if (path.empty()) return std::string(otherwise);
  // A pipe would hold whoever reads it.
  std::error_code ignored;
  const auto kind = std::filesystem::status(path, ignored).type();
  if (kind == std::filesystem::file_type::fifo || kind == std::filesystem::file_type::character) {
    return fail(first_boot_error(make_error(ErrorCode::kInvalidInput, "is not a regular file").on(path)));
  }
  auto text = read_file(path, kMaxFirstBootBytes);
  if (!text) return fail(first_boot_error(std::move(text).error()));
  return text;
}

Result<FirstBoot> read_first_boot(const MachineIdentity& identity) {
  auto user_data = read_text(identity.terms.user_data, kNoUserData);
  if (!user_data) return fail(std::move(user_data).error());
  auto network = read_text(identity.terms.network_config, "");
  if (!network) return fail(std::move(network).error());
  return FirstBoot{identity.instance_id, host_name_of(identity.name), *std::move(user_data),
                   *std::move(network)};
}

std::string basis_of(const GoldenImage& image, const MachinePaths& paths, const FirstBoot& first_boot) {
  std::string text;
  for (const std::string* part :
       {&image.trusted.digest, &image.path, &image.format, &paths.overlay, &paths.seed,
        &first_boot.instance_id, &first_boot.host_name, &first_boot.user_data, &first_boot.network_config}) {
    text += fmt::format("{}:{}", part->size(), *part);
  }
  return trust::Digest::of(text).text();
}

bool is_there(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(std::filesystem::symlink_status(path, ignored));
}

/// For QEMU's user to pass through, and not to look around in.
Result<void> ensure_directory(const std::string& directory) {
  using std::filesystem::perms;
  std::error_code failed;
  std::filesystem::create_directories(directory, failed);
  // Each time: who made it may have been killed right after.
  if (!failed)
    std::filesystem::permissions(directory, perms::owner_all | perms::group_exec | perms::others_exec,
                                 failed);
  if (!failed) return {};
  return fail(
      make_error(ErrorCode::kInternal, "cannot make the directory: " + failed.message()).on(directory));
}

}  // namespace

std::string host_name_of(std::string_view domain_name) {
  std::string name;
  for (const char letter : domain_name.substr(0, domain_name.find('.'))) {
    const bool is_upper = letter >= 'A' && letter <= 'Z';
    const bool is_plain = (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9');
    name += is_upper ? char(letter - 'A' + 'a') : is_plain ? letter : '-';
  }
  name.erase(0, name.find_first_not_of('-'));
  name.resize(std::min(name.size(), kMaxHostName));
  name.erase(name.find_last_not_of('-') + 1);
  return name.empty() ? "machine" : name;
}

Result<MachinePaths> MachineFiles::paths(const std::string& uuid, const std::string& incident) const {
  const auto normal = normal_uuid(uuid);
  if (!normal || !is_dns_label(incident)) {
    return fail(make_error(ErrorCode::kInvalidInput, "no UUID of a domain, or no name of an incident")
                    .on("incident " + incident));
  }
  const std::string base = fmt::format("{}/{}-{}", directory_, *normal, incident);
  return MachinePaths{base + ".qcow2", base + ".seed.iso", base + ".nvram"};
}

Result<std::string> MachineFiles::basis(const GoldenImage& image, const MachinePaths& paths,
                                        const MachineIdentity& identity) const {
  const auto first_boot = read_first_boot(identity);
  if (!first_boot) return fail(first_boot.error());
  return basis_of(image, paths, *first_boot);
}

Result<std::string> MachineFiles::make(const GoldenImage& image, const MachinePaths& paths,
                                       const MachineIdentity& identity, std::stop_token stop) const {
  if (auto made = ensure_directory(directory_); !made) return fail(std::move(made).error());
  const auto first_boot = read_first_boot(identity);
  if (!first_boot) return fail(first_boot.error());
  if (auto written = write_seed(paths, *first_boot); !written) return fail(std::move(written).error());
  if (auto made = make_overlay_(image, paths.overlay, std::move(stop)); !made)
    return fail(std::move(made).error());
  return basis_of(image, paths, *first_boot);
}

Result<void> MachineFiles::make_missing(const GoldenImage& image, const MachinePaths& paths,
                                        const MachineIdentity& identity, std::stop_token stop) const {
  if (auto made = ensure_directory(directory_); !made) return made;
  if (!is_there(paths.seed)) {
    const auto first_boot = read_first_boot(identity);
    if (!first_boot) return fail(first_boot.error());
    if (auto written = write_seed(paths, *first_boot); !written) return written;
  }
  if (!is_there(paths.overlay)) return make_overlay_(image, paths.overlay, std::move(stop));
  return {};
}

Result<void> MachineFiles::write_seed(const MachinePaths& paths, const FirstBoot& first_boot) const {
  const auto image = seed_image_(first_boot);
  if (!image) return fail(first_boot_error(image.error()));
  return write_file_durably(paths.seed, *image);
}

void MachineFiles::remove(const MachinePaths& paths) const {
  for (const std::string* path : {&paths.overlay, &paths.seed, &paths.nvram}) {
    std::error_code ignored;  // what stays is in nobody's way
    std::filesystem::remove(*path, ignored);
  }
}

}  // namespace kintsugi::host
