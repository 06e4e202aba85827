// SPDX-License-Identifier: Apache-2.0
#include "trust/disk/checksums.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/encoding.h"
#include "base/escape.h"
#include "trust/crypto/refusal.h"

namespace kintsugi::trust {
namespace {

constexpr std::size_t kShownBytes = 80;

tl::unexpected<Error> malformed(std::string what) {
  return fail(make_error(ErrorCode::kInvalidInput, std::move(what)).because(reason::kChecksumsMalformed));
}

tl::unexpected<Error> unsupported(const std::string& algorithm) {
  return fail(make_error(ErrorCode::kUnsupported, "checksums by " + algorithm + " are not accepted")
                  .advise("publish SHA-256 or SHA-512")
                  .because(reason::kChecksumUnsupported));
}

bool is_lower_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

/// By the number of hex digits; both forms have them.
Result<HashAlgorithm> algorithm_of(std::size_t hex_digits) {
  switch (hex_digits) {
    case 64: return HashAlgorithm::kSha256;
    case 128: return HashAlgorithm::kSha512;
    case 32: return unsupported("MD5");
    case 40: return unsupported("SHA-1");
    case 56: return unsupported("SHA-224");
    case 96: return unsupported("SHA-384");
    default: return malformed("not as many hex digits as SHA-256 or SHA-512 has");
  }
}

Result<Checksum> make_checksum(std::string_view name, std::string_view hex) {
  const auto algorithm = algorithm_of(hex.size());
  if (!algorithm) return fail(algorithm.error());
  auto hash = hex_decode(hex);
  if (!hash) return malformed(hash.error().message);
  if (name.starts_with("./")) name.remove_prefix(2);
  if (name.empty()) return malformed("a checksum without a name");
  if (name.size() > kMaxChecksumName) return malformed("a name over 4096 bytes");
  if (std::any_of(name.begin(), name.end(), is_control)) return malformed("a control character in a name");
  return Checksum{std::string(name), *algorithm, std::move(*hash)};
}

/// "<hex>  <name>", "<hex> *<name>".
Result<Checksum> read_gnu_line(std::string_view line) {
  const auto digits = std::size_t(std::find_if_not(line.begin(), line.end(), is_lower_hex) - line.begin());
  const std::string_view separator = line.substr(digits, 2);
  if (separator != "  " && separator != " *") return malformed("not a line of checksum and name");
  return make_checksum(line.substr(digits + 2), line.substr(0, digits));
}

/// "SHA256 (<name>) = <hex>"; a name may have ") = " in it, hex digits have not.
Result<Checksum> read_bsd_line(std::string_view line, std::size_t opening) {
  const std::string_view algorithm = line.substr(0, opening);
  if (algorithm != "SHA256" && algorithm != "SHA512")
    return unsupported("\"" + escape(algorithm, kShownBytes) + "\"");
  const std::size_t closing = line.rfind(") = ");
  if (closing == std::string_view::npos) return malformed("not a line of algorithm, name and checksum");
  const std::size_t begin = opening + 2;
  auto checksum = make_checksum(line.substr(begin, closing - begin), line.substr(closing + 4));
  if (checksum && (checksum->algorithm == HashAlgorithm::kSha256) != (algorithm == "SHA256"))
    return malformed("a checksum that is not as long as its algorithm's");
  return checksum;
}

/// "<word> (", of letters, digits, "-" and "/" only: where the name begins, or nothing.
std::optional<std::size_t> find_bsd_opening(std::string_view line) {
  const std::size_t end =
      line.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-/");
  if (end == 0 || end == std::string_view::npos || line.substr(end, 2) != " (") return std::nullopt;
  return end;
}

Result<Checksum> read_line(std::string_view line) {
  if (line.starts_with('\\')) return malformed("names that coreutils have escaped (\"\\\") are not accepted");
  if (const auto opening = find_bsd_opening(line)) return read_bsd_line(line, *opening);
  return read_gnu_line(line);
}

tl::unexpected<Error> too_large(std::string what) {
  return fail(make_error(ErrorCode::kTooLarge, std::move(what)).because(reason::kTooLarge));
}

}  // namespace

Result<std::vector<Checksum>> parse_checksums(std::string_view text) {
  if (text.size() > kMaxChecksumsBytes) return too_large("a list of checksums over 1 MiB");
  std::vector<Checksum> list;
  for (std::size_t number = 1; !text.empty(); ++number) {
    if (number > kMaxChecksums) return too_large("a list of checksums over 10,000 lines");
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.starts_with('#')) continue;
    auto checksum = read_line(line);
    if (!checksum) {
      checksum.error().message.insert(0, "line " + std::to_string(number) + ": ");
      return fail(std::move(checksum).error());
    }
    list.push_back(std::move(*checksum));
  }
  if (list.empty()) return malformed("a list without a checksum");
  return list;
}

Result<Checksum> find_checksum(std::span<const Checksum> list, std::string_view base_name) {
  const auto is_it = [&](const Checksum& one) { return one.name == base_name; };
  const auto found = std::find_if(list.begin(), list.end(), is_it);
  const std::string shown = "\"" + escape(base_name, kShownBytes) + "\"";
  if (found == list.end()) return refuse(reason::kChecksumMissing, "no checksum of " + shown + " is listed");
  if (std::any_of(std::next(found), list.end(), is_it))
    return refuse(reason::kChecksumAmbiguous, shown + " is listed more than once");
  return *found;
}

Result<void> check_checksum(const Checksum& listed, const FileSummary& file) {
  const auto hash = file.hashes.find(listed.algorithm);
  if (hash != file.hashes.end() && hash->second == listed.hash) return {};
  return refuse(reason::kChecksumMismatch, "the file has not the checksum that is listed for it");
}

}  // namespace kintsugi::trust
