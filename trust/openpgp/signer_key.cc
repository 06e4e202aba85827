// SPDX-License-Identifier: Apache-2.0
#include "trust/openpgp/signer_key.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

#include "base/encoding.h"
#include "trust/crypto/refusal.h"
#include "trust/openpgp/arithmetic.h"
#include "trust/openpgp/byte_reader.h"
#include "trust/openpgp/multiprecision.h"
#include "trust/openpgp/packet.h"

namespace kintsugi::trust::openpgp {
namespace {

constexpr std::uint32_t kVersion = 4;
constexpr std::size_t kMinRsaBits = 2048;
constexpr std::uint8_t kSignsData = 0x02;
constexpr std::size_t kEd25519Bytes = 32;
/// 1.3.6.1.4.1.11591.15.1
constexpr std::string_view kEd25519Oid("\x2B\x06\x01\x04\x01\xDA\x47\x0F\x01", 9);

tl::unexpected<Error> malformed(std::string what) {
  return fail(make_error(ErrorCode::kInvalidInput, std::move(what)));
}

tl::unexpected<Error> unsupported(const std::string& what) {
  return fail(make_error(ErrorCode::kUnsupported, "unsupported OpenPGP key: " + what)
                  .advise("use a primary key that signs, RSA of 2048 to 8192 bits or Ed25519")
                  .because(reason::kUnsupportedKey));
}

/// What a key or a user ID is hashed as: a byte, its length in so many bytes, itself.
std::string framed(char begin, int length_bytes, std::string_view body) {
  std::string out(1, begin);
  for (int shift = 8 * (length_bytes - 1); shift >= 0; shift -= 8) out += char(body.size() >> shift & 0xFF);
  return out.append(body);
}

/// OpenSSL reads an even exponent, or 1, which make no RSA key.
bool is_exponent(const std::string& exponent) {
  return !exponent.empty() && (exponent.back() & 1) != 0 && exponent != "\1";
}

Result<Key> read_rsa(ByteReader& reader) {
  const auto modulus = take_integer(reader);
  const auto exponent = modulus ? take_integer(reader) : std::nullopt;
  if (!exponent || !reader.is_done() || !is_exponent(*exponent)) return malformed("not an RSA key");
  const std::size_t bits =
      modulus->empty() ? 0
                       : 8 * modulus->size() - std::size_t(std::countl_zero(std::uint8_t(modulus->front())));
  if (bits < kMinRsaBits) return unsupported("RSA of " + std::to_string(bits) + " bits");
  Key key = make_rsa_key(*modulus, *exponent);
  return key ? Result<Key>(std::move(key)) : malformed("not an RSA key");
}

Result<Key> read_eddsa(ByteReader& reader) {
  const auto curve = reader.counted(1);
  if (!curve) return malformed("not an EdDSA key");
  if (*curve != kEd25519Oid) return unsupported("EdDSA on another curve than Ed25519");
  const auto point = take_integer(reader);
  if (!point || !reader.is_done() || point->size() != kEd25519Bytes + 1 || point->front() != 0x40)
    return malformed("not an Ed25519 key");
  Key key = make_ed25519_key(std::string_view(*point).substr(1));
  return key ? Result<Key>(std::move(key)) : malformed("not an Ed25519 key");
}

bool is_rsa(std::uint32_t algorithm) {
  return algorithm == std::uint32_t(KeyAlgorithm::kRsa) ||
         algorithm == std::uint32_t(KeyAlgorithm::kRsaSignOnly);
}

Result<Key> read_material(std::uint32_t algorithm, ByteReader& reader) {
  if (is_rsa(algorithm)) return read_rsa(reader);
  if (algorithm == std::uint32_t(KeyAlgorithm::kEdDsa)) return read_eddsa(reader);
  return unsupported("of algorithm " + std::to_string(algorithm));
}

/// With the zeros before it that its packet leaves away; nothing where it is longer.
std::optional<std::string> padded(const std::string& integer, std::size_t bytes) {
  if (integer.size() > bytes) return std::nullopt;
  return std::string(bytes - integer.size(), '\0') + integer;
}

bool is_certification(SignatureType type) {
  return type >= SignatureType::kFirstCertification && type <= SignatureType::kLastCertification;
}

/// Whatever it is worth, and also of version 3, which has its type elsewhere.
bool revokes_key(std::string_view signature) {
  const std::size_t type_at = signature.starts_with('\3') ? 2 : 1;
  return signature.size() > type_at && SignatureType(signature[type_at]) == SignatureType::kKeyRevocation;
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'a' && c <= 'f' ? char(c - 32) : c; });
  return text;
}

}  // namespace

Result<SignerKey> SignerKey::parse(std::string_view file) {
  const auto bytes = unarmor(file, "PUBLIC KEY BLOCK");
  if (!bytes) return fail(bytes.error());
  const auto packets = parse_packets(*bytes);
  if (!packets) return fail(packets.error());
  const std::string& body = packets->front().body;
  ByteReader reader(body);
  const auto version = reader.number(1), created = reader.number(4), algorithm = reader.number(1);
  if (packets->front().tag != Tag::kPublicKey) return malformed("no public key of OpenPGP");
  if (!algorithm) return malformed("a public key of OpenPGP that is cut off");
  if (*version != kVersion) return unsupported("of version " + std::to_string(*version));
  auto material = read_material(*algorithm, reader);
  if (!material) return fail(std::move(material).error());
  SignerKey key;
  key.key_ = std::move(*material);
  key.is_rsa_ = is_rsa(*algorithm);
  key.framed_ = framed(char(0x99), 2, body);
  key.id_ = "openpgp:" + upper(hex_encode(hash_of(Hash::kSha1, key.framed_)));
  key.created_ = WallTime(std::chrono::seconds(*created));
  // What a signature is about, is what stands before it. Nothing about subkeys and pictures is looked at.
  std::optional<std::string> about = std::string();
  for (auto packet = packets->begin() + 1; packet != packets->end(); ++packet) {
    switch (packet->tag) {
      case Tag::kPublicKey:
        return malformed("more than one OpenPGP key in one place: write an authority for each");
      case Tag::kUserId: about = framed(char(0xB4), 4, packet->body); break;
      case Tag::kSignature:
        if (revokes_key(packet->body)) key.is_revoked_ = true;
        if (about) key.read_self_signature(packet->body, *about);
        break;
      case Tag::kPublicSubkey:
      case Tag::kUserAttribute: about.reset(); break;
      case Tag::kMarker:
      case Tag::kTrust: break;
      default: return malformed("something else than a public key of OpenPGP");
    }
  }
  if (key.self_signatures_.empty() && !key.is_revoked_)
    return malformed("an OpenPGP key that has signed nothing about itself: no user ID is its own");
  return key;
}

/// `about`: the user ID, or nothing for what is about the key. What is somebody else's, or cannot be read, is
/// passed over.
void SignerKey::read_self_signature(const std::string& body, std::string_view about) {
  auto signature = parse_signature(body);
  if (!signature) return;
  const bool fits =
      about.empty() ? signature->type == SignatureType::kDirectKey : is_certification(signature->type);
  if (fits && has_signed(framed_ + std::string(about), *signature))
    self_signatures_.push_back(std::move(*signature));
}

bool SignerKey::has_signed(std::string_view bytes, const Signature& signature) const {
  const std::string hash = hash_of(signature.hash, std::string(bytes) + signature.suffix);
  if (hash.empty()) return false;
  if (is_rsa_) {
    if (!is_rsa(std::uint32_t(signature.algorithm)) || signature.integers.size() != 1) return false;
    const auto raw = padded(signature.integers.front(), rsa_bytes(*key_));
    return raw && verify_rsa(*key_, signature.hash, hash, *raw);
  }
  if (signature.algorithm != KeyAlgorithm::kEdDsa || signature.integers.size() != 2) return false;
  const auto r = padded(signature.integers[0], kEd25519Bytes),
             s = padded(signature.integers[1], kEd25519Bytes);
  return r && s && verify_ed25519(*key_, hash, *r + *s);
}

Result<void> SignerKey::check_usable(WallTime now) const {
  if (is_revoked_) return refuse(reason::kKeyRevoked, "the OpenPGP key is revoked");
  const Signature* newest = nullptr;
  for (const Signature& one : self_signatures_) {
    if (check_time(one, now) && (newest == nullptr || one.created >= newest->created)) newest = &one;
  }
  if (newest == nullptr)
    return refuse(reason::kKeyExpired, "nothing that the OpenPGP key says about itself is valid now");
  if (newest->key_valid_seconds && created_ + std::chrono::seconds(*newest->key_valid_seconds) <= now)
    return refuse(reason::kKeyExpired, "the OpenPGP key has expired");
  if (newest->key_flags && (*newest->key_flags & kSignsData) == 0)
    return refuse(reason::kUnsupportedKey, "the OpenPGP key is not for signing data");
  return {};
}

Result<void> SignerKey::verify(std::string_view content, const Signature& signature, WallTime now) const {
  if (signature.type != SignatureType::kBinary) {
    return refuse(reason::kSignatureInvalid,
                  "an OpenPGP signature over text or something else, not over the bytes of a file");
  }
  if (signature.hash != Hash::kSha256 && signature.hash != Hash::kSha384 && signature.hash != Hash::kSha512)
    return refuse(reason::kSignatureInvalid,
                  "an OpenPGP signature over another hash than SHA-256, -384, -512");
  if (!has_signed(content, signature))
    return refuse(reason::kKeyMismatch, "not signed by this OpenPGP key, or the content is another");
  if (signature.created < created_)
    return refuse(reason::kSignatureInvalid, "an OpenPGP signature that is older than its key");
  if (auto valid = check_time(signature, now); !valid) return valid;
  return check_usable(now);
}

}  // namespace kintsugi::trust::openpgp
