// SPDX-License-Identifier: Apache-2.0
#include "trust/crypto/certificate_timestamp.h"

#include <openssl/x509v3.h>

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "trust/crypto/asn1.h"
#include "trust/crypto/hash.h"
#include "trust/crypto/openssl.h"
#include "trust/crypto/reasons.h"

namespace kintsugi::trust {
namespace {

constexpr char kExtension[] = "1.3.6.1.4.1.11129.2.4.2";
constexpr std::size_t kMaxTimestamps = 16;
constexpr std::size_t kLogIdBytes = 32;
constexpr std::uint64_t kVersion1 = 0, kCertificateTimestamp = 0, kPrecertificateEntry = 1;  // RFC 6962 §3.2
constexpr std::uint64_t kSha256 = 4, kRsa = 1, kEcdsa = 3;  // RFC 5246 §7.4.1.4.1

struct SignedTimestamp {
  std::string_view log_id;
  std::uint64_t milliseconds = 0;
  std::string_view extensions;
  std::uint64_t hash = 0, algorithm = 0;
  std::string_view signature;
};

tl::unexpected<Error> invalid(std::string what, ErrorCode code = ErrorCode::kRefused) {
  return fail(make_error(code, std::move(what)).because(reason::kSctInvalid));
}

tl::unexpected<Error> malformed() {
  return invalid("malformed certificate timestamps", ErrorCode::kInvalidInput);
}

/// Reads the structures of TLS (RFC 5246 §4) from front to end. What is not there fails the whole.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  std::string_view take(std::size_t size) {
    ok_ = ok_ && size <= rest_.size();
    const std::string_view taken = ok_ ? rest_.substr(0, size) : std::string_view();
    if (ok_) rest_.remove_prefix(size);
    return taken;
  }
  std::uint64_t number(std::size_t size) {
    std::uint64_t value = 0;
    for (const char c : take(size)) value = value << 8 | std::uint8_t(c);
    return value;
  }
  /// A vector with a length of two bytes in front.
  std::string_view vector() { return take(std::size_t(number(2))); }

  bool has_more() const { return ok_ && !rest_.empty(); }
  bool is_at_end() const { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

std::string number(std::uint64_t value, int size) {
  std::string bytes;
  for (int i = size - 1; i >= 0; --i) bytes += char(value >> (8 * i) & 0xFF);
  return bytes;
}

/// Nothing where it is of a later version, whose form is not known.
Result<std::optional<SignedTimestamp>> read_timestamp(std::string_view bytes) {
  Reader reader(bytes);
  const std::uint64_t version = reader.number(1);
  if (!bytes.empty() && version != kVersion1) return std::nullopt;
  SignedTimestamp out;
  out.log_id = reader.take(kLogIdBytes);
  out.milliseconds = reader.number(8);
  out.extensions = reader.vector();
  out.hash = reader.number(1);
  out.algorithm = reader.number(1);
  out.signature = reader.vector();
  if (!reader.is_at_end()) return malformed();
  return out;
}

/// `extension`: an OCTET STRING in DER around a SignedCertificateTimestampList.
Result<std::vector<SignedTimestamp>> read_timestamps(const ASN1_OCTET_STRING& extension) {
  Reader outer(text_of(&extension));
  Reader list(outer.vector());
  if (!outer.is_at_end() || !list.has_more()) return malformed();
  std::vector<SignedTimestamp> out;
  for (std::size_t count = 0; list.has_more(); ++count) {
    if (count == kMaxTimestamps) return invalid("over 16 certificate timestamps", ErrorCode::kTooLarge);
    const auto timestamp = read_timestamp(list.vector());
    if (!timestamp) return fail(timestamp.error());
    if (*timestamp) out.push_back(**timestamp);
  }
  if (!list.is_at_end()) return malformed();
  return out;
}

/// The part of the certificate that is signed, as it was before the timestamps came into it.
std::string precertificate(const Certificate& leaf) {
  const Owned<X509, X509_free> copy(X509_dup(leaf.native()));
  if (!copy) return {};
  const int index = X509_get_ext_by_NID(copy.get(), NID_ct_precert_scts, -1);
  const Owned<X509_EXTENSION, X509_EXTENSION_free> removed(X509_delete_ext(copy.get(), index));
  return encode<i2d_re_X509_tbs>(copy.get());
}

/// What the log signed (RFC 6962 §3.2).
std::string signed_bytes(const SignedTimestamp& timestamp, std::string_view issuer_key_hash,
                         std::string_view precertificate) {
  return number(kVersion1, 1) + number(kCertificateTimestamp, 1) + number(timestamp.milliseconds, 8) +
         number(kPrecertificateEntry, 2) + std::string(issuer_key_hash) + number(precertificate.size(), 3) +
         std::string(precertificate) + number(timestamp.extensions.size(), 2) +
         std::string(timestamp.extensions);
}

bool is_valid_at(const LogKey& log, std::uint64_t milliseconds) {
  constexpr auto kLast = std::chrono::floor<std::chrono::milliseconds>(WallTime::max().time_since_epoch());
  if (milliseconds > std::uint64_t(kLast.count())) return false;
  return log.valid_for.contains(WallTime(std::chrono::milliseconds(milliseconds)));
}

bool fits_key(const SignedTimestamp& timestamp, const PublicKey& key) {
  if (timestamp.hash != kSha256 || key.kind() == PublicKey::Kind::kEd25519) return false;
  return timestamp.algorithm == (key.kind() == PublicKey::Kind::kRsa ? kRsa : kEcdsa);
}

}  // namespace

Result<void> verify_certificate_timestamp(const Certificate& leaf, const Certificate& issuer,
                                          std::span<const LogKey> logs) {
  const auto content = leaf.extension(kExtension);
  if (!content) return invalid(content.error().message, ErrorCode::kInvalidInput);
  if (!*content) {
    return fail(make_error(ErrorCode::kRefused, "the certificate has no timestamp of a certificate log")
                    .because(reason::kSctMissing));
  }
  const ErrorQueueGuard errors;
  const std::uint8_t* at = bytes_of(**content);
  const Owned<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free> list(
      is_der(**content) ? d2i_ASN1_OCTET_STRING(nullptr, &at, long((*content)->size())) : nullptr);
  if (!list) return malformed();
  const auto timestamps = read_timestamps(*list);
  if (!timestamps) return fail(timestamps.error());
  const std::string issuer_key_hash = sha256(issuer.public_key_der());
  const std::string entry = precertificate(leaf);
  const char* why = "no certificate timestamp is by a known log";
  for (const SignedTimestamp& timestamp : *timestamps) {
    for (const LogKey& log : logs) {
      if (log.id != timestamp.log_id) continue;
      if (!is_valid_at(log, timestamp.milliseconds)) {
        why = "the certificate timestamp is of a time at which the log's key is not valid";
      } else if (!fits_key(timestamp, log.key)) {
        why = "the certificate timestamp is signed by another algorithm than that of the log's key";
      } else if (!log.key.verify_digest(sha256(signed_bytes(timestamp, issuer_key_hash, entry)),
                                        timestamp.signature)) {
        why = "the certificate timestamp is not signed by the log over this certificate";
      } else {
        return {};
      }
    }
  }
  return invalid(why);
}

}  // namespace kintsugi::trust
