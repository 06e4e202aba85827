// SPDX-License-Identifier: Apache-2.0
#include "cli/open_domain.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/document.h"
#include "base/strict_reader.h"
#include "cli/incident_access.h"
#include "cli/incident_facts.h"

namespace kintsugi::cli {
namespace {

constexpr k8s::Resource kDomains{"host.kintsugi.dev", "v1", "domains", "Domain", false};

/// What of a domain's object an opening needs.
struct DomainFacts {
  std::string uuid;
  bool is_protected = false;
};

Result<DomainFacts> read_facts(const nlohmann::json& object, const std::string& name) {
  const Node document = from_json(object);
  const Node* metadata = document.find("metadata");
  const Node* spec = document.find("spec");
  const Node* uid = metadata == nullptr ? nullptr : metadata->find("uid");
  const Node* is_protected = spec == nullptr ? nullptr : spec->find("protected");
  if (uid == nullptr || uid->kind != Node::Kind::kString || uid->text.empty())
    return fail(make_error(ErrorCode::kInvalidInput, "the answer has no UUID").on("domain " + show(name)));
  return DomainFacts{uid->text, is_protected != nullptr && is_protected->boolean};
}

}  // namespace

Result<TargetRef> find_domain(const Session& session) {
  const std::string& name = session.invocation.domain;
  const auto object = session.client.get(kDomains, {"", name}, session.read_options());
  if (!object) {
    Error error = object.error();
    if (error.code != ErrorCode::kNotFound) return fail(std::move(error));
    return fail(make_error(ErrorCode::kNotFound, "there is no such domain on this host")
                    .on("domain " + show(name))
                    .advise("'virsh list --all' shows what there is"));
  }
  const auto facts = read_facts(*object, name);
  if (!facts) return fail(facts.error());
  if (!facts->is_protected) {
    return fail(make_error(ErrorCode::kRefused, "the domain is not protected by Kintsugi")
                    .on("domain " + show(name))
                    .advise("see which domains the controller was told to protect"));
  }
  return TargetRef{"Domain", session.invocation.name_space, name, facts->uuid};
}

Result<void> check_host_playbook(const Session& session) {
  const std::string& name = session.invocation.playbook;
  auto object = session.client.get(kPlaybooks, {session.invocation.name_space, name}, session.read_options());
  if (object) return {};
  Error error = object.error();
  if (error.code != ErrorCode::kNotFound) return fail(std::move(error));
  return fail(make_error(ErrorCode::kNotFound, "there is no such playbook on this host")
                  .on("playbook " + show(name))
                  .advise("see the directory that the controller has its playbooks from"));
}

}  // namespace kintsugi::cli
