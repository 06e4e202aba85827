// SPDX-License-Identifier: Apache-2.0
//
// The words of a command line: what they have to look like, and how they are shown. Pure.
#pragma once

#include <string>
#include <vector>

namespace kintsugi::cli {

/// What the program is called in what people copy, from argv[0]: "kintsugi", or "kubectl kintsugi" for the
/// plugin.
std::string program_name(const std::string& called);

/// For a command that a person copies; what cannot be shown as it is cannot be copied either.
std::string shell_quoted(const std::string& text);

/// "incident/NAME" and "incidents.kintsugi.dev/NAME", as -o name prints it, mean NAME.
std::string bare_name(const std::string& text);

/// A check in CLI11's terms: the text of what is wrong, not escaped, or nothing.
using Check = std::string (*)(const std::string&);

std::string check_incident(const std::string& text);
std::string check_namespace(const std::string& text);
/// A path that a unix socket can have.
std::string check_socket(const std::string& text);
/// The name of a libvirt domain, as far as it can stand in a path of the API.
std::string check_domain(const std::string& text);
std::string check_playbook(const std::string& text);
std::string check_reason(const std::string& text);
std::string check_duration(const std::string& text);
/// A duration, or "0": none.
std::string check_timeout(const std::string& text);
/// One of `choices`. Where a language of kubectl's -o was meant, it says how to do without.
std::string check_choice(const std::string& text, const std::vector<std::string>& choices);

}  // namespace kintsugi::cli
