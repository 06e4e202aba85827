// SPDX-License-Identifier: Apache-2.0
//
// Which playbooks a signal starts, and with how much freedom. Pure functions.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/label_selector.h"
#include "model/playbook.h"
#include "model/signal.h"

namespace kintsugi::playbooks {

/// Whether every given part of `match` holds for `signal`.
bool matches(const SignalMatch& match, const Signal& signal);

/// The playbooks with an entry that matches `signal`, in the given order; the pointers are into `playbooks`.
std::vector<const Playbook*> matching_playbooks(const Signal& signal, const std::vector<Playbook>& playbooks);

/// Whether the playbook's selectors take a pod of these labels in a namespace of these labels.
bool selects_target(const Playbook& playbook, const Labels& namespace_labels, const Labels& pod_labels);

/// The cap that a cluster's or namespace's `mode` word sets: absent is no cap, and a word that is no mode
/// permits nothing but observing.
Mode mode_cap(std::optional<std::string_view> word);

struct Choice {
  const Playbook* playbook = nullptr;
  Mode mode = Mode::kOff;  ///< the least of the playbook's own mode and the caps
};

/// The candidate whose permitted mode is the strongest, ties by name; nothing where there is no candidate.
std::optional<Choice> choose_playbook(const std::vector<const Playbook*>& candidates, Mode namespace_cap,
                                      Mode cluster_cap);

}  // namespace kintsugi::playbooks
