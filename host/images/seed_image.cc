// SPDX-License-Identifier: Apache-2.0
#include "host/images/seed_image.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string_view>
#include <vector>

#include "base/kubernetes_name.h"
#include "host/images/iso_image.h"

namespace kintsugi::host {
namespace {

constexpr std::size_t kMaxInstanceIdBytes = 255;
/// How far cloud-init looks for the header that makes a text MIME.
constexpr std::size_t kMimeHeadBytes = 4096;

std::string to_lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return char(std::tolower(c)); });
  return out;
}

/// The line is all of the word, or goes on after a blank.
bool begins_with_word(std::string_view text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return text.empty() || std::string_view(" \t\r\n").find(text.front()) != text.npos;
}

bool is_mime(std::string_view text) {
  return to_lower(text.substr(0, kMimeHeadBytes)).find("mime-version:") != std::string::npos;
}

Result<void> check_user_data(const std::string& text) {
  if (text.size() > kMaxUserDataBytes)
    return fail(make_error(ErrorCode::kTooLarge, "user data of more than 1 MiB"));
  if (text.empty() || begins_with_word(text, "#cloud-config") || text.starts_with("#!") || is_mime(text))
    return {};
  return fail(make_error(ErrorCode::kInvalidInput, "cloud-init would not know what this user data is")
                  .advise("let it begin with '#cloud-config' or '#!', or be MIME with its headers"));
}

/// Visible ASCII stands for itself between double quotes, but for two characters.
Result<std::string> quoted(std::string_view what, std::string_view text) {
  const bool is_plain =
      std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > 0x20 && c < 0x7F; });
  if (text.empty() || text.size() > kMaxInstanceIdBytes || !is_plain) {
    return fail(make_error(
        ErrorCode::kInvalidInput,
        fmt::format("the {} has to be 1 to {} bytes of visible ASCII", what, kMaxInstanceIdBytes)));
  }
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

Result<std::string> meta_data(const FirstBoot& first_boot) {
  const auto instance_id = quoted("instance's id", first_boot.instance_id);
  if (!instance_id) return fail(instance_id.error());
  if (!is_dns_label(to_lower(first_boot.host_name))) {
    return fail(make_error(ErrorCode::kInvalidInput, "the host's name is no DNS label")
                    .advise("1 to 63 letters, digits and '-', which is neither first nor last"));
  }
  return fmt::format("instance-id: {}\nlocal-hostname: \"{}\"\n", *instance_id, first_boot.host_name);
}

}  // namespace

Result<std::string> seed_image(const FirstBoot& first_boot) {
  const auto meta = meta_data(first_boot);
  if (!meta) return fail(meta.error());
  if (auto checked = check_user_data(first_boot.user_data); !checked) return fail(std::move(checked).error());
  if (first_boot.network_config.size() > kMaxNetworkConfigBytes)
    return fail(make_error(ErrorCode::kTooLarge, "a network configuration of more than 256 KiB"));
  std::vector<IsoFile> files = {{"METADATA.;1", "meta-data", *meta}};
  if (!first_boot.network_config.empty())
    files.push_back({"NETWORK.;1", "network-config", first_boot.network_config});
  files.push_back({"USERDATA.;1", "user-data", first_boot.user_data});
  return iso_image("cidata", files);
}

}  // namespace kintsugi::host
