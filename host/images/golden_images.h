// SPDX-License-Identifier: Apache-2.0
//
// Golden images of virtual machines: from where an administrator says they are to a file of Kintsugi's own,
// once a TrustPolicy accepts them.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/regular_file.h"
#include "base/result.h"
#include "model/image.h"

namespace kintsugi::host {

/// Where a machine's golden image comes from, as its administrator says.
struct GoldenSource {
  /// "/path/golden.qcow2"; "https://…/golden.qcow2", where http:// is for loopback addresses, or with
  /// --allow-http-registry; "oci://registry/repository:tag", or "…@sha256:…".
  std::string location;
  /// Of a file or URL: where its signature is, in the form of trust::form_of(); empty: the first that is
  /// there of trust::signature_names(). Not for oci.
  std::string bundle;
  /// Of a file or URL: where the list of checksums is that was signed in its place, and names it; empty: it
  /// was signed itself. Not for oci.
  std::string checksums = {};
  bool operator==(const GoldenSource&) const = default;
};

/// An image that a policy accepted, in Kintsugi's own place.
struct GoldenImage {
  /// Container "root"; image: the location; digest: "sha256:…" of the file's bytes; equivalents: for oci the
  /// digests of the artifact; policy, and key_id of who signed; origin "Golden".
  TrustedImage trusted;
  std::string path;                ///< absolute, read-only for all, named by its digest
  std::string format;              ///< "qcow2", "raw"
  std::uint64_t virtual_size = 0;  ///< bytes
};

/// Thread-safe; calls block.
class GoldenImages {
 public:
  virtual ~GoldenImages() = default;

  /// Verifies first, then copies or downloads, hashing what is written: the file gets its name only when it
  /// is whole, has the verified digest and passes check_disk_image(). What is there already under its digest
  /// is hashed again, and not fetched.
  ///
  /// `policy`: a TrustPolicy that has to be among those that select the image; empty: any. Errors have a
  /// reason of trust/crypto/reasons.h; those of a source in trouble are retryable.
  virtual Result<GoldenImage> provide(const GoldenSource& source, const std::string& policy,
                                      MonotonicTime deadline, std::stop_token stop) = 0;

  /// Whether the file still is what was accepted: it is hashed again. Returns which file that is: another one
  /// may take its name. Error: kRefused with DigestMismatch; kNotFound where it is gone.
  virtual Result<FileIdentity> check(const GoldenImage& image, std::stop_token stop) = 0;
};

}  // namespace kintsugi::host
