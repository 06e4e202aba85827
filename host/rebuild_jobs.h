// SPDX-License-Identifier: Apache-2.0
//
// What a rebuild finds out slowly: each in a job of the incident, which wakes it. Nothing: it is not known
// yet. An error is what came of the last try; it is tried again after a while.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "host/domain_steps.h"
#include "host/images/golden_images.h"
#include "host/machine_files.h"

namespace kintsugi::host {

/// The golden image, verified and in our own place.
std::optional<Result<GoldenImage>> provide_image(const DomainWorld& domains, IncidentWork& work,
                                                 const GoldenSource& source, const std::string& policy);

/// Whether a machine can be started over the image now: its bytes are right, as read by this process, and its
/// files are there. `anew`: nothing has run from them, and they are made again whenever anything that they
/// are made from has changed; else only what is missing is made.
std::optional<Result<void>> prepare_machine(const DomainWorld& domains, IncidentWork& work,
                                            const GoldenImage& image, const MachinePaths& paths,
                                            const MachineIdentity& identity, bool anew);

/// Whether a job may write files of the machine now.
bool is_preparing(IncidentWork& work);

/// The file that prepare_machine() has found to be right; nothing: it has not.
std::optional<FileIdentity> prepared_image(const DomainWorld& domains, IncidentWork& work);

/// Whether the bytes of the image are right still, now that a machine runs from it, and its file is
/// `verified`, if that is known: another one may be right, and says nothing about the one that the machine
/// has open. Once per process, and again as long as it is an error.
std::optional<Result<void>> rehash_image(const DomainWorld& domains, IncidentWork& work,
                                         const GoldenImage& image,
                                         const std::optional<FileIdentity>& verified);

/// Whether the machine answers all probes but those of its agent. Asked again and again.
std::optional<Result<void>> ask_service(const DomainWorld& domains, IncidentWork& work,
                                        const std::vector<targets::ProbeTerms>& probes);

}  // namespace kintsugi::host
