// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "base/result.h"
#include "trust/crypto/digest.h"
#include "trust/oci/image_index.h"
#include "trust/registry/registry_session.h"

namespace kintsugi::trust {

/// All that the referrers API (distribution specification 1.1) lists for `subject`; nothing where the
/// registry answers as those without the API do: 404, another status without a meaning of its own (400, 405,
/// 406), or a page of another Content-Type.
///
/// Next pages are followed as their Link headers say, on the same origin and path only: a page is asked for
/// by our own URL with the link's query. TooLarge: over 8 pages or 1,024 entries. RegistryProtocol: a link to
/// elsewhere or to a page that was read, or a next page that is not there.
Result<std::optional<std::vector<Descriptor>>> list_referrers(RegistrySession& session,
                                                              const RegistrySource& source,
                                                              const Digest& subject, const Call& call);

}  // namespace kintsugi::trust
