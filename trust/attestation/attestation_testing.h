// SPDX-License-Identifier: Apache-2.0
//
// What the tests of this folder share.
#pragma once

#include <string>

#include "base/encoding.h"
#include "base/file.h"
#include "trust/attestation/attestation_rule.h"
#include "trust/crypto/reasons.h"

namespace kintsugi::trust::testing {

inline Digest image_digest() {
  return Digest::parse("sha256:" + std::string(64, 'a')).value();
}

/// A statement about image_digest().
inline Statement statement_of(const std::string& type, const std::string& predicate_json) {
  return parse_statement({.payload_type = kStatementType,
                          .payload = R"({"_type":"https://in-toto.io/Statement/v1","predicateType":")" +
                                     type + R"(","subject":[{"name":"shop","digest":{"sha256":")" +
                                     std::string(64, 'a') + R"("}}],"predicate":)" + predicate_json + "}",
                          .signature = ""})
      .value();
}

/// The statement of a real attestation: the layer of cosign's `.att` tag, or the envelope in a bundle.
inline Statement real_statement(const std::string& path) {
  const Node document = parse_json_document(read_file(path, kMaxEnvelopeBytes).value()).value();
  const Node* const in_bundle = document.find("dsseEnvelope");
  ProblemList problems("test");
  const Envelope envelope = read_envelope(in_bundle ? *in_bundle : document, "", problems);
  return parse_statement(envelope).value();
}

inline std::string att_path(const std::string& digest) {
  return "trust/testdata/images/attestations/blobs/sha256-" + digest;
}
inline std::string bundle_path(const std::string& name) {
  return "trust/testdata/conformance/" + name + "/bundle.sigstore.json";
}

/// The rule, with the first problem in `problem`.
inline AttestationRule read_rule(const std::string& yaml, std::string& problem) {
  ProblemList problems("a.yaml");
  const Node node = parse_yaml_document(yaml).value();
  AttestationRule rule = read_attestation_rule(node, "spec.attestations[0]", problems);
  problem = problems.empty() ? "" : problems.all().front().to_string();
  return rule;
}

inline AttestationRule rule_of(const std::string& yaml) {
  std::string problem;
  AttestationRule rule = read_rule(yaml, problem);
  if (!problem.empty()) throw std::runtime_error(problem);
  return rule;
}

/// "" for success, else reason and message.
inline std::string outcome(const Result<void>& result) {
  if (result) return "";
  const bool is_refusal = result.error().code == ErrorCode::kRefused;
  return (is_refusal ? "" : "NOT REFUSED ") + result.error().reason + ": " + result.error().message;
}

inline WallTime at(const std::string& text) {
  return parse_rfc3339(text).value();
}

}  // namespace kintsugi::trust::testing
