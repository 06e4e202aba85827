// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/label_selector.h"
#include "base/strict_reader.h"

namespace kintsugi {

/// Reads a metav1.LabelSelector as strictly as the API server: keys and values have their Kubernetes form,
/// `In` and `NotIn` have values, `Exists` and `DoesNotExist` have none. False, with problems added, where it
/// is wrong; `out` is then left alone.
bool read_label_selector(const Node& node, const std::string& path, LabelSelector& out,
                         ProblemList& problems);

}  // namespace kintsugi
