// SPDX-License-Identifier: Apache-2.0
#include "trust/openpgp/signature.h"

#include <algorithm>
#include <utility>

#include "trust/crypto/refusal.h"
#include "trust/openpgp/byte_reader.h"
#include "trust/openpgp/multiprecision.h"
#include "trust/openpgp/packet.h"

namespace kintsugi::trust::openpgp {
namespace {

constexpr std::uint8_t kVersion = 4;
constexpr std::size_t kMaxSubpackets = 256;

/// Subpackets that are read, or that change nothing about whether a signature counts, so that their being
/// critical asks for nothing. Notations, policies, trust and its limits, revokers and intended recipients do.
enum class Subpacket : std::uint8_t {
  kCreated = 2,
  kValidSeconds = 3,
  kKeyValidSeconds = 9,
  kKeyFlags = 27,
};
constexpr std::uint8_t kKnown[] = {2, 3, 4, 7, 9, 11, 16, 21, 22, 23, 25, 27, 28, 29, 30, 32, 33, 34};

tl::unexpected<Error> invalid(ErrorCode code, std::string what) {
  return fail(make_error(code, std::move(what)).because(reason::kSignatureInvalid));
}

tl::unexpected<Error> malformed(std::string what) {
  return invalid(ErrorCode::kInvalidInput, "a malformed OpenPGP signature: " + std::move(what));
}

/// Sets what may be there once only.
template <class T>
bool set_once(std::optional<T>& out, std::optional<std::uint32_t> value) {
  if (out || !value) return false;
  out = static_cast<T>(*value);
  return true;
}

/// What the subpackets of one area say.
class Subpackets {
 public:
  std::optional<std::uint32_t> created, valid_seconds, key_valid_seconds;
  std::optional<std::uint8_t> key_flags;

  Result<void> read(std::string_view area) {
    std::size_t count = 0;
    for (ByteReader reader(area); !reader.is_done();) {
      if (++count > kMaxSubpackets) return malformed("too many subpackets");
      const auto subpacket = take_subpacket(reader);
      if (!subpacket || subpacket->empty()) return malformed("its subpackets are cut off");
      if (auto read = read_one(*subpacket); !read) return read;
    }
    return {};
  }

 private:
  static std::optional<std::string_view> take_subpacket(ByteReader& reader) {
    const auto first = reader.number(1);
    if (!first) return std::nullopt;
    if (*first < 192) return reader.take(*first);
    if (*first == 255) return reader.counted(4);
    const auto second = reader.number(1);
    return second ? reader.take(((*first - 192) << 8) + *second + 192) : std::nullopt;
  }

  Result<void> read_one(std::string_view subpacket) {
    const auto kind = static_cast<std::uint8_t>(subpacket.front());
    const auto type = static_cast<std::uint8_t>(kind & 0x7F);
    if ((kind & 0x80) != 0 && std::find(std::begin(kKnown), std::end(kKnown), type) == std::end(kKnown)) {
      return invalid(ErrorCode::kUnsupported, "an OpenPGP signature with a critical subpacket (" +
                                                  std::to_string(type) + ") that is not known here");
    }
    return set(static_cast<Subpacket>(type), subpacket.substr(1))
               ? Result<void>()
               : malformed("subpacket " + std::to_string(type) + " is there twice, or of another length");
  }

  bool set(Subpacket type, std::string_view value) {
    ByteReader reader(value);
    switch (type) {
      case Subpacket::kCreated: return set_once(created, reader.number(4)) && reader.is_done();
      case Subpacket::kValidSeconds: return set_once(valid_seconds, reader.number(4)) && reader.is_done();
      case Subpacket::kKeyValidSeconds:
        return set_once(key_valid_seconds, reader.number(4)) && reader.is_done();
      case Subpacket::kKeyFlags: return set_once(key_flags, reader.number(1));
    }
    return true;
  }
};

/// Zero seconds mean "for ever".
std::optional<std::uint32_t> unless_zero(std::optional<std::uint32_t> seconds) {
  return seconds == 0u ? std::nullopt : seconds;
}

/// What is hashed after what is signed: the signed part of the signature, and how long that is.
std::string suffix_of(std::string_view signed_part) {
  std::string suffix(signed_part);
  suffix += {char(kVersion), char(0xFF)};
  for (int shift = 24; shift >= 0; shift -= 8) suffix += char(signed_part.size() >> shift & 0xFF);
  return suffix;
}

}  // namespace

Result<void> check_time(const Signature& signature, WallTime now) {
  if (signature.created > now) return refuse(reason::kSignatureInvalid, "an OpenPGP signature of the future");
  if (signature.valid_seconds && signature.created + std::chrono::seconds(*signature.valid_seconds) <= now)
    return refuse(reason::kSignatureExpired, "the OpenPGP signature has expired");
  return {};
}

Result<Signature> parse_signature(std::string_view body) {
  ByteReader reader(body);
  const auto version = reader.number(1), type = reader.number(1), algorithm = reader.number(1),
             hash = reader.number(1);
  if (version && *version != kVersion) {
    return invalid(ErrorCode::kUnsupported,
                   "an OpenPGP signature of version " + std::to_string(*version) + ", not 4");
  }
  const auto hashed = reader.counted(2), unhashed = reader.counted(2);
  const auto first_bytes_of_hash = reader.take(2);
  if (!hash || !hashed || !unhashed || !first_bytes_of_hash) return malformed("it is cut off");
  Subpackets signed_ones, others;
  if (auto read = signed_ones.read(*hashed); !read) return fail(std::move(read).error());
  if (auto read = others.read(*unhashed); !read) return fail(std::move(read).error());
  if (!signed_ones.created) return malformed("it does not say when it was made");
  Signature signature{static_cast<SignatureType>(*type), static_cast<KeyAlgorithm>(*algorithm),
                      static_cast<Hash>(*hash), suffix_of(body.substr(0, 6 + hashed->size()))};
  signature.created = WallTime(std::chrono::seconds(*signed_ones.created));
  signature.valid_seconds = unless_zero(signed_ones.valid_seconds);
  signature.key_valid_seconds = unless_zero(signed_ones.key_valid_seconds);
  signature.key_flags = signed_ones.key_flags;
  while (!reader.is_done()) {
    auto integer = take_integer(reader);
    if (!integer || signature.integers.size() == 2) return malformed("its numbers are none");
    signature.integers.push_back(std::move(*integer));
  }
  return signature;
}

Result<std::vector<FoundSignature>> parse_signatures(std::string_view file) {
  if (file.size() > kMaxSignatureFileBytes) {
    return fail(make_error(ErrorCode::kTooLarge, "a file of OpenPGP signatures over 64 KiB")
                    .because(reason::kTooLarge));
  }
  const auto bytes = unarmor(file, "SIGNATURE");
  if (!bytes) return fail(Error(bytes.error()).because(reason::kSignatureInvalid));
  const auto packets = parse_packets(*bytes);
  if (!packets) return fail(Error(packets.error()).because(reason::kSignatureInvalid));
  if (packets->size() > kMaxSignatures)
    return fail(make_error(ErrorCode::kTooLarge, "more than 32 signatures").because(reason::kTooLarge));
  std::vector<FoundSignature> signatures;
  for (const Packet& packet : *packets) {
    if (packet.tag != Tag::kSignature) {
      return invalid(ErrorCode::kInvalidInput,
                     "no file of detached OpenPGP signatures: there is something else in it");
    }
    signatures.push_back(parse_signature(packet.body));
  }
  return signatures;
}

}  // namespace kintsugi::trust::openpgp
