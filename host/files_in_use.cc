// SPDX-License-Identifier: Apache-2.0
#include "host/files_in_use.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/escape.h"
#include "targets/libvirt/domain.h"

namespace kintsugi::host {
namespace {

constexpr std::size_t kHeaderBytes = 20;  // magic, version, offset and size of the backing file's name
constexpr std::size_t kMaxNameBytes = 1023;

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

/// Bytes of a file from `offset` on; fewer where it ends.
std::optional<std::string> read_at(std::ifstream& file, std::uint64_t offset, std::size_t size) {
  std::string bytes(size, '\0');
  file.clear();
  if (!file.seekg(static_cast<std::streamoff>(offset))) return std::nullopt;
  file.read(bytes.data(), static_cast<std::streamsize>(size));
  if (file.bad()) return std::nullopt;
  bytes.resize(std::size_t(file.gcount()));
  return bytes;
}

/// Collects what disks stand on, and the first of which that cannot be told.
class Collector {
 public:
  explicit Collector(FilesInUse& found) : found_(found) {}

  void add(const targets::Domain& domain, bool is_live) {
    for (const targets::DomainDisk& disk : domain.disks) {
      where_ = fmt::format("disk {} of domain {}", escape(disk.target, 32), escape(domain.name, 64));
      if (disk.type == "volume") give_up("it is a volume of a pool");
      if (disk.type != "file" && disk.type != "block") continue;
      add_file(disk.source, is_live);
      for (const std::string& backing : disk.backing) add_file(backing, is_live);
    }
    where_ = "the golden image of domain " + escape(domain.name, 64);
    if (domain.rebuilt) add_file(domain.rebuilt->golden, /*is_whole=*/false);
    if (domain.terms.image) add_file(domain.terms.image->source, /*is_whole=*/false);
  }

  void give_up(const std::string& why) {
    if (found_.unknown.empty()) found_.unknown = where_ + ": " + why;
  }
  void name(std::string where) { where_ = std::move(where); }

 private:
  /// `is_whole`: whatever it is a layer over is named beside it.
  void add_file(std::string path, bool is_whole) {
    for (std::size_t layers = 0; !path.empty() && path.front() == '/'; ++layers) {
      struct stat file{};
      if (::stat(path.c_str(), &file) != 0) {
        if (errno != ENOENT && errno != ENOTDIR) give_up(std::strerror(errno));
        return;
      }
      if (layers == targets::kMaxBackingFiles) return give_up("it has too many layers");
      if (!found_.files.insert({file.st_dev, file.st_ino}).second || is_whole) return;
      if (!S_ISREG(file.st_mode) && !S_ISBLK(file.st_mode)) return;
      const auto below = backing_name(path);
      if (!below) return give_up(below.error().to_string());
      path = next_path(path, *below);
    }
  }

  /// Empty: the chain ends here, or leads to no file.
  std::string next_path(const std::string& above, std::string name) {
    if (name.starts_with("file:")) name = name.substr(5);
    const bool has_protocol = name.substr(0, name.find('/')).find(':') != std::string::npos;
    if (has_protocol) give_up("it stands on " + escape(name, 200));
    if (name.empty() || has_protocol) return "";
    return (std::filesystem::path(above).parent_path() / name).string();
  }

  FilesInUse& found_;
  std::string where_;
};

/// Why a definition cannot be had, if it should be there.
std::optional<Error> trouble(const Result<std::string>& definition) {
  const bool is_absent = !definition && (definition.error().code == ErrorCode::kConflict ||
                                         definition.error().code == ErrorCode::kNotFound);
  return definition || is_absent ? std::nullopt : std::optional(definition.error());
}

}  // namespace

Result<std::string> backing_name(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const auto unreadable = [&] {
    return make_error(ErrorCode::kUnavailable, "its header cannot be read").on(escape(path, 200));
  };
  if (!file) return fail(unreadable());
  const auto header = read_at(file, 0, kHeaderBytes);
  if (!header) return fail(unreadable());
  if (header->size() < kHeaderBytes || !header->starts_with("QFI\xfb")) return "";
  const std::uint64_t offset = big_endian(header->substr(8, 8));
  const std::uint64_t size = big_endian(header->substr(16, 4));
  if (offset == 0) return "";
  if (size > kMaxNameBytes || offset > INT64_MAX) return fail(unreadable());
  auto name = read_at(file, offset, size);
  if (!name || name->size() != size) return fail(unreadable());
  return *std::move(name);
}

Result<FilesInUse> files_in_use(targets::Hypervisor& hypervisor) {
  const auto domains = hypervisor.list();
  if (!domains) return fail(domains.error());
  FilesInUse found;
  Collector collector(found);
  for (const targets::DomainSummary& summary : *domains) {
    // The running one first: libvirt names all of its layers, also where we may not read them.
    for (const bool is_live : {true, false}) {
      const auto definition =
          is_live ? hypervisor.live_definition(summary.uuid) : hypervisor.plain_definition(summary.uuid);
      if (auto why = trouble(definition)) return fail(*std::move(why));
      if (!definition) continue;
      const auto domain = targets::parse_domain(*definition);
      collector.name("domain " + escape(summary.name, 64));
      if (domain) {
        collector.add(*domain, is_live);
      } else {
        collector.give_up(domain.error().to_string());
      }
    }
  }
  return found;
}

}  // namespace kintsugi::host
