// SPDX-License-Identifier: Apache-2.0
//
// The forms of names that the Kubernetes API server accepts. All are ASCII and hold no control characters.
#pragma once

#include <string_view>

namespace kintsugi {

/// RFC 1123 label: 1 to 63 of [a-z0-9-], neither first nor last a '-'. Namespaces, containers, services.
bool is_dns_label(std::string_view text);

/// RFC 1123 subdomain: 1 to 253 bytes of labels' characters joined by dots. Pods and most other objects. As
/// in Kubernetes, a part may be longer than 63.
bool is_dns_subdomain(std::string_view text);

/// Key of a label or annotation: an optional subdomain and '/', then 1 to 63 of [A-Za-z0-9_.-] that begin and
/// end with a letter or digit.
bool is_label_key(std::string_view text);

/// Value of a label: empty, or as the part of a key after the '/'.
bool is_label_value(std::string_view text);

}  // namespace kintsugi
