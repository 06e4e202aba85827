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
inline constexpr char kSignatureInvalid[] =
    "SignatureInvalid";                                ///< malformed, or not over the stored payload
inline constexpr char kKeyMismatch[] = "KeyMismatch";  ///< well-formed, but by none of the policy's keys
inline constexpr char kDigestNotSigned[] = "DigestNotSigned";    ///< a good signature over another digest
inline constexpr char kPayloadMalformed[] = "PayloadMalformed";  ///< a good signature over something else
inline constexpr char kTooManySignatures[] =
    "TooManySignatures";  ///< none of the first ones is good; more not read
inline constexpr char kKeyRevoked[] = "KeyRevoked";
inline constexpr char kDigestRevoked[] = "DigestRevoked";
inline constexpr char kIdentityRevoked[] = "IdentityRevoked";
inline constexpr char kSignedAfterRevocation[] =
    "SignedAfterRevocation";  ///< signed after what a policy still believes, or nobody knows when
inline constexpr char kSignatureExpired[] = "SignatureExpired";      ///< says itself that it is void by now
inline constexpr char kKeyExpired[] = "KeyExpired";                  ///< says so itself, of OpenPGP
inline constexpr char kReferenceMismatch[] = "ReferenceMismatch";    ///< signed under another name
inline constexpr char kAnnotationMismatch[] = "AnnotationMismatch";  ///< signed without a wanted annotation

// What vouches for a certificate's signature.
inline constexpr char kTrustedRootInvalid[] = "TrustedRootInvalid";
inline constexpr char kTrustedRootMissing[] = "TrustedRootMissing";      ///< needed, and none is given
inline constexpr char kCertificateInvalid[] = "CertificateInvalid";      ///< malformed
inline constexpr char kCertificateUntrusted[] = "CertificateUntrusted";  ///< no chain to an anchor
inline constexpr char kCertificateExpired[] = "CertificateExpired";      ///< not valid when it signed
inline constexpr char kSctMissing[] = "SctMissing";                      ///< not in a certificate log
inline constexpr char kSctInvalid[] = "SctInvalid";
inline constexpr char kTimestampInvalid[] = "TimestampInvalid";
inline constexpr char kTimestampUntrusted[] = "TimestampUntrusted";  ///< by no authority that is known
inline constexpr char kTimeUnknown[] = "TimeUnknown";                ///< nothing says when it was signed
inline constexpr char kLogEntryMissing[] = "LogEntryMissing";
inline constexpr char kLogEntryInvalid[] = "LogEntryInvalid";
inline constexpr char kLogEntryUntrusted[] = "LogEntryUntrusted";  ///< of no log that is known
inline constexpr char kLogEntryMismatch[] = "LogEntryMismatch";    ///< about another signature
inline constexpr char kInclusionProofInvalid[] = "InclusionProofInvalid";
inline constexpr char kCheckpointInvalid[] = "CheckpointInvalid";
inline constexpr char kBundleMalformed[] = "BundleMalformed";
inline constexpr char kIdentityMismatch[] = "IdentityMismatch";      ///< signed by somebody else
inline constexpr char kPredicateMismatch[] = "PredicateMismatch";    ///< signs another kind of statement
inline constexpr char kAttestationMissing[] = "AttestationMissing";  ///< none of the kind that is asked for
inline constexpr char kAttestationMalformed[] =
    "AttestationMalformed";  ///< a good signature over no such predicate
inline constexpr char kAttestationTooOld[] = "AttestationTooOld";    ///< what it says was found too long ago
inline constexpr char kAttestationRefused[] = "AttestationRefused";  ///< it does not say what is asked for
inline constexpr char kImageTooNew[] = "ImageTooNew";                ///< made more recently than wanted
inline constexpr char kImageTooOld[] = "ImageTooOld";                ///< made longer ago than wanted
inline constexpr char kVersionTooLow[] = "VersionTooLow";
inline constexpr char kOlderThanRunning[] = "OlderThanRunning";  ///< older than what it would replace
inline constexpr char kAgeUnknown[] = "AgeUnknown";              ///< nothing says how old it is

// Files, and what stands in them.
inline constexpr char kContentNeeded[] =
    "ContentNeeded";  ///< the signature is over the content itself, and it is not there, or too large
inline constexpr char kChecksumsMalformed[] = "ChecksumsMalformed";  ///< not a list of checksums
inline constexpr char kChecksumUnsupported[] =
    "ChecksumUnsupported";                                         ///< by another hash than SHA-256, SHA-512
inline constexpr char kChecksumMissing[] = "ChecksumMissing";      ///< the list does not name the file
inline constexpr char kChecksumAmbiguous[] = "ChecksumAmbiguous";  ///< the list names it more than once
inline constexpr char kChecksumMismatch[] = "ChecksumMismatch";    ///< the file is another
inline constexpr char kDiskMalformed[] = "DiskMalformed";          ///< a disk image against its format
inline constexpr char kDiskFormatUnsupported[] =
    "DiskFormatUnsupported";                                   ///< or a feature of it, not known here
inline constexpr char kDiskBackingFile[] = "DiskBackingFile";  ///< its content is partly another file's
inline constexpr char kDiskExternalDataFile[] = "DiskExternalDataFile";  ///< its content is another file's
inline constexpr char kDiskEncrypted[] = "DiskEncrypted";
inline constexpr char kDiskNotClean[] = "DiskNotClean";  ///< marked dirty or corrupt

inline constexpr char kSourceUnavailable[] =
    "SourceUnavailable";  ///< where it comes from cannot be reached now; a retry can help
inline constexpr char kSourceNotFound[] = "SourceNotFound";  ///< there is no such file
inline constexpr char kSourceInvalid[] =
    "SourceInvalid";  ///< no regular file, or not to be read, or an answer that no web server may give
inline constexpr char kNotEnoughSpace[] = "NotEnoughSpace";  ///< to keep it; a retry can help

// The reasons of an accepting verdict.
inline constexpr char kPinned[] = "Pinned";  ///< accepted without a signature: policies name the digest
inline constexpr char kVerified[] = "Verified";

}  // namespace kintsugi::trust::reason
