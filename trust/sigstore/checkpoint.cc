// SPDX-License-Identifier: Apache-2.0
#include "trust/sigstore/checkpoint.h"

#include <algorithm>
#include <charconv>

#include "base/encoding.h"
#include "base/escape.h"
#include "trust/crypto/hash.h"
#include "trust/crypto/reasons.h"

namespace kintsugi::trust {
namespace {

constexpr std::string_view kSignatureStart = "\u2014 ";
constexpr std::size_t kMaxSignatures = 32;
constexpr std::size_t kHashBytes = 32;
constexpr std::size_t kHintBytes = 4;
constexpr std::size_t kEd25519KeyBytes = 32;
constexpr std::string_view kTreeIdSeparator = " - ";

tl::unexpected<Error> invalid(std::string_view what) {
  return fail(make_error(ErrorCode::kInvalidInput, "malformed checkpoint: " + std::string(what))
                  .because(reason::kCheckpointInvalid));
}

tl::unexpected<Error> refuse(std::string message) {
  return fail(make_error(ErrorCode::kRefused, std::move(message)).because(reason::kCheckpointInvalid));
}

bool is_control(char c) {
  return (std::uint8_t(c) < 0x20 && c != '\n') || c == '\x7f';
}

bool is_decimal(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Takes the next line off `rest`, in which each line has its newline.
std::string_view take_line(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\n'), rest.size());
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return line;
}

Result<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  const bool leading_zero = text.size() > 1 && text.front() == '0';
  if (!is_decimal(text) || leading_zero || error != std::errc() || end != text.data() + text.size())
    return invalid("its tree size is no decimal number of 64 bits");
  return size;
}

Result<NoteSignature> parse_signature(std::string_view line) {
  if (!line.starts_with(kSignatureStart)) return invalid("a line after the text that is no signature");
  line.remove_prefix(kSignatureStart.size());
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || space == 0 || line.substr(0, space).find('+') < space)
    return invalid("a signature without a proper name");
  const auto bytes = base64_decode(line.substr(space + 1));
  if (!bytes) return invalid("a signature that is no base64");
  if (bytes->size() <= kHintBytes) return invalid("a signature that is too short");
  return NoteSignature{std::string(line.substr(0, space)), bytes->substr(0, kHintBytes),
                       bytes->substr(kHintBytes)};
}

/// The host in "https://host:port/path".
std::string_view host_of(std::string_view location) {
  return location.substr(0, std::min(location.find_first_of(":/"), location.size()));
}

/// "host:port/path": what the log of a base URL calls itself (c2sp.org/tlog-checkpoint).
std::string_view location_of(std::string_view base_url) {
  const std::size_t scheme = base_url.find("://");
  if (scheme != std::string_view::npos) base_url.remove_prefix(scheme + 3);
  while (base_url.ends_with('/')) base_url.remove_suffix(1);
  return base_url;
}

/// The name of an origin "name - tree ID", as Rekor v1 writes it; nothing of any other.
std::string_view name_before_tree_id(std::string_view origin) {
  const std::size_t separator = origin.rfind(kTreeIdSeparator);
  if (separator == std::string_view::npos) return {};
  const bool has_tree_id = is_decimal(origin.substr(separator + kTreeIdSeparator.size()));
  return has_tree_id ? origin.substr(0, separator) : std::string_view();
}

std::string hint_by_key(const PublicKey& key) {
  return sha256(key.der()).substr(0, kHintBytes);
}

/// As c2sp.org/signed-note has it, where only the hint of ECDSA leaves the name out.
std::string hint_by_name(const PublicKey& key, std::string_view name) {
  std::string bytes = std::string(name) + '\n';
  switch (key.kind()) {
    case PublicKey::Kind::kEcdsaP256:
    case PublicKey::Kind::kEcdsaP384:
    case PublicKey::Kind::kEcdsaP521: return hint_by_key(key);
    case PublicKey::Kind::kEd25519:
      bytes += '\x01';
      bytes.append(key.der(), key.der().size() - kEd25519KeyBytes);
      break;
    case PublicKey::Kind::kRsa: bytes += "\xffPKIX-RSA-PKCS#1v1.5" + key.der(); break;
  }
  return sha256(bytes).substr(0, kHintBytes);
}

/// Whom a signature line has to name, and by which hint.
struct Signer {
  std::string name;
  std::string key_hint;
};

Result<Signer> expected_signer(const Checkpoint& checkpoint, const LogKey& log) {
  const std::string_view name = name_before_tree_id(checkpoint.origin);
  if (!name.empty()) return Signer{std::string(name), hint_by_key(log.key)};
  const std::string_view location = location_of(log.base_url);
  if (checkpoint.origin != location && checkpoint.origin != host_of(location)) {
    return refuse("a checkpoint of \"" + escape(checkpoint.origin, 100) + "\" instead of \"" +
                  escape(location, 100) + "\"");
  }
  return Signer{checkpoint.origin, hint_by_name(log.key, checkpoint.origin)};
}

}  // namespace

Result<Checkpoint> parse_checkpoint(std::string_view note) {
  if (note.size() > kMaxCheckpointBytes) return invalid("over 64 KiB");
  if (!is_utf8(note) || std::any_of(note.begin(), note.end(), is_control))
    return invalid("control characters or invalid UTF-8");
  const std::size_t empty_line = note.find("\n\n");
  if (empty_line == std::string_view::npos || empty_line != note.rfind("\n\n") || !note.ends_with('\n'))
    return invalid("not one text, one empty line and lines of signatures");

  Checkpoint checkpoint;
  std::string_view text = note.substr(0, empty_line + 1);
  checkpoint.signed_text = text;
  checkpoint.origin = take_line(text);
  if (checkpoint.origin.empty()) return invalid("without an origin");
  const auto size = parse_size(take_line(text));
  if (!size) return fail(size.error());
  checkpoint.tree_size = *size;
  auto root = base64_decode(take_line(text));
  if (!root || root->size() != kHashBytes) return invalid("its root hash is no base64 of 32 bytes");
  checkpoint.root_hash = std::move(*root);

  std::string_view lines = note.substr(empty_line + 2);
  while (!lines.empty()) {
    if (checkpoint.signatures.size() == kMaxSignatures) return invalid("over 32 signatures");
    auto signature = parse_signature(take_line(lines));
    if (!signature) return fail(std::move(signature).error());
    checkpoint.signatures.push_back(std::move(*signature));
  }
  if (checkpoint.signatures.empty()) return invalid("without a signature");
  return checkpoint;
}

Result<void> verify_checkpoint(const Checkpoint& checkpoint, const LogKey& log) {
  const auto signer = expected_signer(checkpoint, log);
  if (!signer) return fail(signer.error());
  bool found = false;
  for (const NoteSignature& signature : checkpoint.signatures) {
    if (signature.name != signer->name || signature.key_hint != signer->key_hint) continue;
    if (log.key.verify(checkpoint.signed_text, signature.signature)) return {};
    found = true;
  }
  return refuse(found ? "the log's signature on the checkpoint is not good"
                      : "a checkpoint that the log did not sign");
}

}  // namespace kintsugi::trust
