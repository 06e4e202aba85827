// SPDX-License-Identifier: Apache-2.0
//
// The stable words that say why something was not trusted: in verdicts, conditions, metrics and
// `Error::reason`. They never change their meaning; new ones may come.
#pragma once

namespace kintsugi::trust::reason {

// The registry could not be asked, or cannot be believed.
inline constexpr char kRegistryUnavailable[] =
    "RegistryUnavailable";                                     ///< no connection, or 5xx; a retry can help
inline constexpr char kRegistryTimeout[] = "RegistryTimeout";  ///< the deadline passed
inline constexpr char kRegistryRateLimited[] = "RegistryRateLimited";  ///< 429; Error::retry_after says when
inline constexpr char kRegistryUnauthorized[] = "RegistryUnauthorized";  ///< credentials missing or refused
inline constexpr char kRegistryProtocol[] = "RegistryProtocol";    ///< an answer that no registry may give
inline constexpr char kManifestUnknown[] = "ManifestUnknown";      ///< no such tag, manifest or blob
inline constexpr char kDigestMismatch[] = "DigestMismatch";        ///< bytes that are not what they are named
inline constexpr char kMediaTypeMismatch[] = "MediaTypeMismatch";  ///< Content-Type and content disagree
inline constexpr char kManifestMalformed[] = "ManifestMalformed";  ///< not a manifest or index as specified
inline constexpr char kTooLarge[] = "TooLarge";                    ///< over a limit of size or count
inline constexpr char kRedirectRefused[] = "RedirectRefused";      ///< a redirect that must not be followed
inline constexpr char kPlainHttpRefused[] =
    "PlainHttpRefused";                            ///< unencrypted, and not to a loopback address
inline constexpr char kCancelled[] = "Cancelled";  ///< a stop was requested

// The image, or what it is signed with.
inline constexpr char kImageReferenceInvalid[] = "ImageReferenceInvalid";
inline constexpr char kNoMatchingPolicy[] = "NoMatchingPolicy";    ///< no policy selects the image
inline constexpr char kPolicyInvalid[] = "PolicyInvalid";          ///< a policy that selects it has a defect
inline constexpr char kNoSignature[] = "NoSignature";              ///< none is stored in any known place
inline constexpr char kUnsupportedLayout[] = "UnsupportedLayout";  ///< signed, but in a form not read yet
inline constexpr char kUnsupportedKey[] = "UnsupportedKey";        ///< a key of a kind not accepted
inline constexpr char kUnsupportedAuthority[] = "UnsupportedAuthority";  ///< a policy has only such
inline constexpr char kSignatureInvalid[] =
    "SignatureInvalid";                                ///< malformed, or not over the stored payload
inline constexpr char kKeyMismatch[] = "KeyMismatch";  ///< well-formed, but by none of the policy's keys
inline constexpr char kDigestNotSigned[] = "DigestNotSigned";    ///< a good signature over another digest
inline constexpr char kPayloadMalformed[] = "PayloadMalformed";  ///< a good signature over something else
inline constexpr char kTooManySignatures[] =
    "TooManySignatures";  ///< none of the first ones is good; more not read
inline constexpr char kKeyRevoked[] = "KeyRevoked";
inline constexpr char kDigestRevoked[] = "DigestRevoked";
inline constexpr char kVerified[] = "Verified";  ///< the reason of an accepting verdict

}  // namespace kintsugi::trust::reason
