// SPDX-License-Identifier: Apache-2.0
#include "cli/trust_text.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/escape.h"
#include "base/time.h"
#include "cli/words.h"

namespace kintsugi::cli {
namespace {

using nlohmann::json;

std::string proof_text(const trust::Proof& proof) {
  if (proof.signer().empty()) return "pins this digest";
  std::string text = "signed by " + proof.signer();
  if (!proof.times.empty()) text += " at " + format_seconds(proof.times.front());
  for (const std::string& log : proof.logs) text += ", logged in " + log;
  return text;
}

json identity_json(const trust::Identity& identity) {
  json object = {{"issuer", escape(identity.issuer)}, {"names", json::array()}, {"claims", json::object()}};
  for (const std::string& name : identity.names) object["names"].push_back(escape(name));
  for (const auto& [name, value] : identity.claims) object["claims"][name] = escape(value);
  return object;
}

/// The flags of `cosign verify` that mean the same, and what has to sign.
json authority_json(const trust::AuthoritySpec& authority, const std::string& image) {
  json object = {{"name", escape(authority.name, 64)}};
  std::string what;
  for (const auto& [name, value] : authority.annotations)
    what += "--annotations " + shell_quoted(name + "=" + value) + " ";
  what += shell_quoted(image);
  if (authority.kind == trust::AuthoritySpec::Kind::kKey) {
    object["kind"] = "key";
    object["sign"] = "cosign sign --key PRIVATE-KEY " + what;
    return object;
  }
  if (authority.kind == trust::AuthoritySpec::Kind::kOpenPgp) {
    object["kind"] = "openpgp";
    object["sign"] = "(signs lists of checksums of files only, and no image)";
    return object;
  }
  const bool is_keyless = authority.kind == trust::AuthoritySpec::Kind::kKeyless;
  object["kind"] = is_keyless ? "keyless" : "certificate";
  if (is_keyless) object["issuer"] = authority.identity.issuer.to_string();
  object["subject"] = authority.identity.subject.to_string();
  object["claims"] = json::object();
  for (const auto& [name, rule] : authority.identity.claims) object["claims"][name] = rule.to_string();
  object["sign"] =
      is_keyless
          ? "cosign sign " + what
          : "cosign sign --key PRIVATE-KEY --certificate CERTIFICATE --certificate-chain CHAIN " + what;
  return object;
}

json attestation_json(const trust::AttestationRule& rule, const std::string& image) {
  return {{"name", escape(rule.name, 64)},
          {"predicateType", escape(rule.predicate_type)},
          {"attest", "cosign attest --type " + shell_quoted(rule.predicate_type) + " --predicate FILE " +
                         shell_quoted(image)}};
}

std::string authority_text(const json& authority) {
  std::string text = "    " + authority["name"].get<std::string>() + ": ";
  if (authority["kind"] == "key" || authority["kind"] == "openpgp") {
    text += "the holder of " + authority.value("keyID", std::string("its key"));
  } else {
    text += "subject " + authority["subject"].get<std::string>();
    if (authority.contains("issuer")) text += ", issuer " + authority["issuer"].get<std::string>();
    for (const auto& [name, rule] : authority["claims"].items())
      text += ", " + name + " " + rule.get<std::string>();
  }
  return text + "\n      " + authority["sign"].get<std::string>() + "\n";
}

/// `good` and the error's words, as members of a finding.
template <class T>
json outcome_json(const Result<T>& outcome) {
  json object = {{"good", outcome.has_value()}};
  if (outcome) return object;
  object["reason"] = outcome.error().reason;
  object["message"] = outcome.error().message;
  return object;
}

json finding_json(const std::string& place, const Result<trust::Proof>& proof) {
  json object = outcome_json(proof);
  object["place"] = place;
  if (proof) object["proof"] = to_json(*proof);
  return object;
}

json finding_json(const trust::AttestationFinding& finding) {
  json object = finding_json(finding.place, finding.signer);
  if (!finding.predicate_type.empty()) object["predicateType"] = finding.predicate_type;
  object["rules"] = json::array();
  for (const auto& [rule, content] : finding.rules) {
    object["rules"].push_back(outcome_json(content));
    object["rules"].back()["rule"] = rule;
  }
  return object;
}

std::string trouble_text(const Error& error) {
  return error.reason + ": " + error.message;
}

std::string finding_text(const trust::SignatureFinding& finding) {
  return "    " + finding.place + ": " +
         (finding.proof ? "good, " + proof_text(*finding.proof) : trouble_text(finding.proof.error())) + "\n";
}

std::string finding_text(const trust::AttestationFinding& finding) {
  if (!finding.signer) return "    " + finding.place + ": " + trouble_text(finding.signer.error()) + "\n";
  std::string text =
      "    " + finding.place + " (" + finding.predicate_type + "): " + proof_text(*finding.signer);
  if (finding.rules.empty()) text += "; no rule asks for it";
  text += "\n";
  for (const auto& [rule, content] : finding.rules)
    text += "      rule " + rule + ": " + (content ? "content" : trouble_text(content.error())) + "\n";
  return text;
}

}  // namespace

std::string verdict_text(const trust::Verdict& verdict) {
  if (!verdict.accepted) return {};
  std::string text = verdict.image + "\n  digest " + verdict.digest->text() + "\n";
  for (const trust::Proof& proof : verdict.proofs)
    text += "  policy " + escape(proof.policy, 253) + ": " + proof_text(proof) + "\n";
  for (const trust::AttestationProof& attestation : verdict.attestations) {
    text += "  attestation " + escape(attestation.rule, 64) + " (" + attestation.predicate_type +
            "): " + proof_text(attestation.signer) + "\n";
  }
  for (const std::string& warning : verdict.warnings) text += "  warning: " + warning + "\n";
  return text;
}

json explanation_json(const trust::Explanation& explanation) {
  json policies = json::array();
  for (const trust::Explanation::OfPolicy& policy : explanation.policies) {
    json signatures = json::array();
    for (const trust::SignatureFinding& finding : policy.signatures)
      signatures.push_back(finding_json(finding.place, finding.proof));
    json attestations = json::array();
    for (const trust::AttestationFinding& finding : policy.attestations)
      attestations.push_back(finding_json(finding));
    policies.push_back({{"policy", escape(policy.policy, 253)},
                        {"signatures", std::move(signatures)},
                        {"attestations", std::move(attestations)}});
  }
  return {{"verdict", to_json(explanation.verdict)}, {"policies", std::move(policies)}};
}

std::string explanation_text(const trust::Explanation& explanation) {
  const trust::Verdict& verdict = explanation.verdict;
  std::string text = verdict.image + "\n";
  if (verdict.digest) text += "  digest " + verdict.digest->text() + "\n";
  for (const trust::Explanation::OfPolicy& policy : explanation.policies) {
    text += "  policy " + escape(policy.policy, 253) + "\n";
    if (policy.signatures.empty()) text += "    no signature was found\n";
    for (const trust::SignatureFinding& finding : policy.signatures) text += finding_text(finding);
    for (const trust::AttestationFinding& finding : policy.attestations) text += finding_text(finding);
  }
  return text + "  " + (verdict.accepted ? "accepted" : "refused, " + verdict.reason) + "\n";
}

json disk_json(const trust::DiskImage& disk) {
  return {{"format", to_string(disk.format)}, {"virtualSize", disk.virtual_size}};
}

std::string disk_text(const trust::DiskImage& disk) {
  return "a disk of " + std::to_string(disk.virtual_size) + " bytes, " + std::string(to_string(disk.format));
}

json blob_json(const std::string& subject, const VerifiedBlob& blob) {
  const trust::BlobSigner& signer = blob.signer;
  json object = {{"subject", subject}, {"accepted", true}, {"reason", "Verified"}, {"keyID", signer.key_id}};
  if (!signer.predicate_type.empty()) object["predicateType"] = escape(signer.predicate_type);
  if (blob.disk) object["disk"] = disk_json(*blob.disk);
  if (!signer.certified) return object;
  object["identity"] = identity_json(signer.certified->identity);
  object["times"] = json::array();
  for (const WallTime time : signer.certified->times) object["times"].push_back(format_seconds(time));
  return object;
}

std::string blob_text(const std::string& subject, const VerifiedBlob& blob) {
  const trust::BlobSigner& signer = blob.signer;
  std::string text = subject + "\n  signed by ";
  if (signer.certified) {
    const trust::Identity& identity = signer.certified->identity;
    text += escape(identity.names.front()) + " (" + escape(identity.issuer) + ") at " +
            format_seconds(signer.certified->times.front());
  } else {
    text += signer.key_id;
  }
  if (!signer.predicate_type.empty()) text += "\n  as a statement of type " + escape(signer.predicate_type);
  if (blob.disk) {
    text += "\n  " + disk_text(*blob.disk);
  }
  return text + "\n";
}

json requirements_json(const trust::ImageReference& image, std::span<const trust::TrustPolicy> policies) {
  json selecting = json::array();
  for (const trust::TrustPolicy& policy : policies) {
    if (!policy.spec.selects(image)) continue;
    json authorities = json::array();
    for (std::size_t i = 0; i < policy.spec.authorities.size(); ++i) {
      authorities.push_back(authority_json(policy.spec.authorities[i], image.to_string()));
      if (i < policy.authorities.size() && policy.authorities[i].key)
        authorities.back()["keyID"] = policy.authorities[i].key->id();
      if (i < policy.authorities.size() && policy.authorities[i].openpgp)
        authorities.back()["keyID"] = policy.authorities[i].openpgp->id();
    }
    const bool needs_all = policy.spec.quorum == trust::TrustPolicySpec::Quorum::kAll;
    json object = {{"policy", escape(policy.spec.name, 253)},
                   {needs_all ? "allOf" : "anyOf", std::move(authorities)}};
    if (const auto& rule = policy.spec.signed_reference)
      object["signedRepository"] = trust::signed_repository(*rule, image);
    object["attestations"] = json::array();
    for (const trust::AttestationRule& rule : policy.spec.attestations)
      object["attestations"].push_back(attestation_json(rule, image.to_string()));
    if (policy.defect) object["defect"] = policy.defect->to_string();
    selecting.push_back(std::move(object));
  }
  return {{"image", image.to_string()}, {"policies", std::move(selecting)}};
}

std::string requirements_text(const json& requirements) {
  std::string text = requirements["image"].get<std::string>() + "\n";
  for (const json& policy : requirements["policies"]) {
    const bool needs_all = policy.contains("allOf");
    text += "  policy " + policy["policy"].get<std::string>() +
            (needs_all ? " wants signatures by all of\n" : " accepts a signature by any one of\n");
    for (const json& authority : policy[needs_all ? "allOf" : "anyOf"]) text += authority_text(authority);
    if (policy.contains("signedRepository"))
      text += "    in the tag layout, which names " + policy["signedRepository"].get<std::string>() + "\n";
    for (const json& attestation : policy["attestations"]) {
      text += "    and the attestation " + attestation["name"].get<std::string>() + "\n      " +
              attestation["attest"].get<std::string>() + "\n";
    }
    if (policy.contains("defect"))
      text += "    (not all of it could be read here: " + policy["defect"].get<std::string>() + ")\n";
  }
  return text;
}

}  // namespace kintsugi::cli
