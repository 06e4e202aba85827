// SPDX-License-Identifier: Apache-2.0
#include "trust/sigstore/statement.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/escape.h"
#include "base/node_text.h"
#include "trust/crypto/reasons.h"

namespace kintsugi::trust {
namespace {

constexpr std::size_t kMaxSubjects = 1024;
constexpr std::size_t kMaxDigests = 32;
constexpr DocumentLimits kLimits{.max_bytes = kMaxEnvelopeBytes, .max_depth = 64, .max_nodes = 1'000'000};

tl::unexpected<Error> malformed(std::string what) {
  return fail(make_error(ErrorCode::kInvalidInput, "malformed statement: " + std::move(what))
                  .because(reason::kPayloadMalformed));
}

Result<void> read_subject(const Node& subject, Statement& out) {
  const Node* digests = subject.find("digest");
  if (digests == nullptr || digests->kind != Node::Kind::kObject) return malformed("a subject has no digest");
  if (digests->members.size() > kMaxDigests) return malformed("a subject has too many digests");
  if (const Node* sha256 = digests->find("sha256")) {
    auto digest = Digest::parse("sha256:" + sha256->text);
    if (!digest || sha256->kind != Node::Kind::kString) return malformed("a subject's sha256 is no digest");
    out.subjects.push_back(std::move(*digest));
  }
  if (const Node* annotations = subject.find("annotations")) {
    for (const Node::Member& member : annotations->members) {
      if (member.value.kind == Node::Kind::kString) out.annotations.emplace(member.key, member.value.text);
    }
  }
  return {};
}

}  // namespace

bool Statement::is_about(const Digest& digest) const {
  return std::find(subjects.begin(), subjects.end(), digest) != subjects.end();
}

Result<Statement> parse_statement(const Envelope& envelope) {
  if (envelope.payload_type != kStatementType)
    return malformed(fmt::format("the payload type is \"{}\"", escape(envelope.payload_type, 100)));
  auto node = parse_json_document(envelope.payload, kLimits);
  if (!node) return malformed(node.error().to_string());
  const std::string* type = find_text(*node, "_type");
  if (type == nullptr ||
      (*type != "https://in-toto.io/Statement/v1" && *type != "https://in-toto.io/Statement/v0.1")) {
    return malformed("its _type is not that of in-toto v0.1 or v1");
  }
  Statement statement;
  const std::string* predicate_type = find_text(*node, "predicateType");
  if (predicate_type == nullptr || predicate_type->empty()) return malformed("it has no predicateType");
  statement.predicate_type = *predicate_type;
  const Node* subjects = node->find("subject");
  if (subjects == nullptr || subjects->kind != Node::Kind::kArray || subjects->items.empty())
    return malformed("it has no subject");
  if (subjects->items.size() > kMaxSubjects) return malformed("it has too many subjects");
  for (const Node& subject : subjects->items) {
    if (auto read = read_subject(subject, statement); !read) return fail(std::move(read).error());
  }
  statement.subject = *subjects;
  for (Node::Member& member : node->members) {
    if (member.key == "predicate") statement.predicate = std::move(member.value);  // may be most of it
  }
  return statement;
}

}  // namespace kintsugi::trust
