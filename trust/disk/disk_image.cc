// SPDX-License-Identifier: Apache-2.0
#include "trust/disk/disk_image.h"

#include <cstddef>
#include <string>

#include "trust/crypto/refusal.h"
#include "trust/disk/qcow2.h"

namespace kintsugi::trust {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::uint64_t kSectorBytes = 512;

struct Magic {
  std::size_t offset;
  std::string_view bytes;
  const char* format;
};

constexpr Magic kMagics[] = {
    {0, "KDMV"sv, "VMDK"},
    {0, "COWD"sv, "VMDK"},
    {0, "# Disk DescriptorFile"sv, "VMDK"},
    {0, "vhdxfile"sv, "VHDX"},
    {0, "conectix"sv, "VHD"},
    {64, "\x7F\x10\xDA\xBE"sv, "VDI"},
    {0, "QED\0"sv, "QED"},
    {0, "WithoutFreeSpace"sv, "Parallels"},
    {0, "WithouFreSpacExt"sv, "Parallels"},
    {0, "Bochs Virtual HD Image"sv, "Bochs"},
};

/// QEMU takes a text for the descriptor of a VMDK also without its first line: after comments and lines of
/// spaces there has to be a version.
bool is_vmdk_descriptor(std::string_view head) {
  while (!head.starts_with("version=")) {
    const std::size_t end = head.find('\n');
    const std::string_view line = head.substr(0, end);
    const bool is_passed_over =
        line.starts_with('#') || (line.starts_with(' ') && line.find_first_not_of(" \r") == line.npos);
    if (end == head.npos || !is_passed_over) return false;
    head.remove_prefix(end + 1);
  }
  return true;
}

/// The name of the format that is not accepted; nullptr for anything else.
const char* foreign_format(std::string_view head) {
  for (const Magic& magic : kMagics) {
    if (head.size() > magic.offset && head.substr(magic.offset).starts_with(magic.bytes)) return magic.format;
  }
  return is_vmdk_descriptor(head) ? "VMDK" : nullptr;
}

}  // namespace

std::string_view to_string(DiskImage::Format format) {
  return format == DiskImage::Format::kQcow2 ? "qcow2" : "raw";
}

Result<DiskImage> check_disk_image(std::string_view head, std::uint64_t file_size) {
  if (is_qcow2(head)) {
    const auto image = check_qcow2(head, file_size);
    if (!image) return fail(image.error());
    return DiskImage{DiskImage::Format::kQcow2, image->virtual_size};
  }
  if (const char* format = foreign_format(head)) {
    return fail(make_error(ErrorCode::kUnsupported, std::string("a disk image of the format ") + format +
                                                        ", which can name other files")
                    .advise("convert it to qcow2 or raw, and sign that")
                    .because(reason::kDiskFormatUnsupported));
  }
  if (file_size < kSectorBytes) {
    return fail(make_error(ErrorCode::kInvalidInput, "a disk image that is shorter than a sector")
                    .because(reason::kDiskMalformed));
  }
  return DiskImage{DiskImage::Format::kRaw, file_size};
}

}  // namespace kintsugi::trust
