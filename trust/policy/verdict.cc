// SPDX-License-Identifier: Apache-2.0
#include "trust/policy/verdict.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/time.h"
#include "trust/crypto/reasons.h"

namespace kintsugi::trust {

using nlohmann::json;

std::string Proof::signer() const {
  if (subject.empty()) return key_id;
  return issuer.empty() ? subject : fmt::format("{} ({})", subject, issuer);
}

bool Verdict::covers_image_id(std::string_view image_id) const {
  const auto running = digest_of_image_id(image_id);
  return accepted && running && equivalents.contains(*running);
}

Verdict refused(Verdict verdict, const Error& error) {
  verdict.accepted = false;
  verdict.proofs.clear();
  verdict.attestations.clear();
  verdict.warnings.clear();
  verdict.equivalents.clear();
  verdict.retryable =
      error.retryable || error.code == ErrorCode::kCancelled || error.code == ErrorCode::kUnauthorized;
  verdict.retry_after = error.retry_after;
  verdict.reason = error.reason.empty() ? reason::kRegistryProtocol : error.reason;
  verdict.message = error.to_string();
  return verdict;
}

json to_json(const Proof& proof) {
  json object = {{"policy", proof.policy}, {"keyID", proof.key_id}};
  if (!proof.authority.empty()) object["authority"] = proof.authority;
  if (!proof.docker_reference.empty()) object["dockerReference"] = proof.docker_reference;
  if (proof.subject.empty()) return object;
  if (!proof.issuer.empty()) object["issuer"] = proof.issuer;
  object["subject"] = proof.subject;
  object["logs"] = proof.logs;
  object["times"] = json::array();
  for (const WallTime time : proof.times) object["times"].push_back(format_seconds(time));
  return object;
}

json to_json(const AttestationProof& proof) {
  return {{"rule", proof.rule}, {"predicateType", proof.predicate_type}, {"signer", to_json(proof.signer)}};
}

json to_json(const Verdict& verdict) {
  json object = {{"image", verdict.image},
                 {"accepted", verdict.accepted},
                 {"reason", verdict.reason},
                 {"message", verdict.message},
                 {"policy", verdict.policy},
                 {"retryable", verdict.retryable},
                 {"checked", format_seconds(verdict.checked)}};
  if (verdict.digest) object["digest"] = verdict.digest->text();
  object["proofs"] = json::array();
  for (const Proof& proof : verdict.proofs) object["proofs"].push_back(to_json(proof));
  object["attestations"] = json::array();
  for (const AttestationProof& proof : verdict.attestations) object["attestations"].push_back(to_json(proof));
  object["warnings"] = verdict.warnings;
  object["equivalents"] = json::array();
  for (const Digest& digest : verdict.equivalents) object["equivalents"].push_back(digest.text());
  return object;
}

}  // namespace kintsugi::trust
