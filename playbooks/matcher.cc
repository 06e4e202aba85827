// SPDX-License-Identifier: Apache-2.0
#include "playbooks/matcher.h"

#include <algorithm>

#include "playbooks/globs.h"

namespace kintsugi::playbooks {

bool matches(const SignalMatch& match, const Signal& signal) {
  if (match.source != signal.source || signal.severity < match.min_severity) return false;
  const auto rule_matches = [&](const std::string& glob) { return glob_matches(glob, signal.rule); };
  if (!match.rules.empty() && std::none_of(match.rules.begin(), match.rules.end(), rule_matches))
    return false;
  return std::all_of(match.tags.begin(), match.tags.end(), [&](const std::string& tag) {
    return std::find(signal.tags.begin(), signal.tags.end(), tag) != signal.tags.end();
  });
}

std::vector<const Playbook*> matching_playbooks(const Signal& signal,
                                                const std::vector<Playbook>& playbooks) {
  std::vector<const Playbook*> found;
  for (const Playbook& playbook : playbooks) {
    const bool is_match = std::any_of(playbook.signals.begin(), playbook.signals.end(),
                                      [&](const SignalMatch& match) { return matches(match, signal); });
    if (is_match) found.push_back(&playbook);
  }
  return found;
}

bool selects_target(const Playbook& playbook, const Labels& namespace_labels, const Labels& pod_labels) {
  return playbook.namespace_selector.matches(namespace_labels) && playbook.pod_selector.matches(pod_labels);
}

Mode mode_cap(std::optional<std::string_view> word) {
  return word ? parse_mode(*word).value_or(Mode::kObserve) : Mode::kFull;
}

std::optional<Choice> choose_playbook(const std::vector<const Playbook*>& candidates, Mode namespace_cap,
                                      Mode cluster_cap) {
  std::optional<Choice> best;
  for (const Playbook* const candidate : candidates) {
    const Mode mode = std::min({candidate->mode, namespace_cap, cluster_cap});
    const bool wins =
        !best || mode > best->mode || (mode == best->mode && candidate->name < best->playbook->name);
    if (wins) best = Choice{candidate, mode};
  }
  return best;
}

}  // namespace kintsugi::playbooks
