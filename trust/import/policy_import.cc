// SPDX-License-Identifier: Apache-2.0
#include "trust/import/policy_import.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "base/escape.h"
#include "base/node_text.h"
#include "trust/import/glob_import.h"
#include "trust/import/policy_translation.h"
#include "trust/policy/trust_policy.h"

namespace kintsugi::trust {
namespace {

constexpr char kByHand[] = "write that one by hand, take it out of FILE, and import the rest";

/// An object of the input, and what to call it where it has no name.
struct Item {
  const Node* node = nullptr;
  std::string place;
};

bool is_policy(const Node& node) {
  return text_of(node, "kind") == "ClusterImagePolicy";
}

/// The documents, and what is in lists of them.
std::vector<Item> items_of(const std::vector<Node>& documents, std::vector<ImportRemark>& remarks) {
  std::vector<Item> items;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    const std::string place = fmt::format("document {}", i + 1);
    const std::string kind = text_of(documents[i], "kind");
    if (kind != "List" && kind != "ClusterImagePolicyList") {
      items.push_back({&documents[i], place});
      continue;
    }
    ProblemList problems("");
    ObjectReader list(documents[i], "", {"apiVersion", "kind", "metadata", "items"}, problems);
    if (const Node* array = list.array("items", Presence::kRequired)) {
      for (std::size_t j = 0; j < array->items.size(); ++j)
        items.push_back({&array->items[j], fmt::format("{}, {}", place, join_path("items", j))});
    }
    RemarkList found(place);
    found.add(problems, ImportRemark::Kind::kLeftOut);
    remarks.insert(remarks.end(), found.all().begin(), found.all().end());
  }
  return items;
}

std::size_t count_globs(const std::vector<Item>& items) {
  std::size_t count = 0;
  for (const Item& item : items) {
    const Node* spec = item.node->find("spec");
    const Node* images = spec == nullptr ? nullptr : spec->find("images");
    if (images != nullptr) count += images->items.size();
  }
  return count;
}

/// What is no policy.
ImportRemark foreign(const Item& item) {
  const std::string kind = text_of(*item.node, "kind");
  ImportRemark remark{ImportRemark::Kind::kLeftOut, item.place, "", "no ClusterImagePolicy", ""};
  if (kind.empty()) return remark;
  remark.text = fmt::format("a {}, no ClusterImagePolicy", escape(kind, 64));
  const Node* metadata = item.node->find("metadata");
  const std::string name = metadata == nullptr ? std::string() : text_of(*metadata, "name");
  if (!name.empty()) remark.object = fmt::format("{} {}", escape(kind, 64), escape(name, 253));
  if (kind == "TrustRoot") {
    remark.advice =
        "put its parts as trusted_root.json into a ConfigMap of its name, in Kintsugi's namespace";
  }
  return remark;
}

void leave_out(PolicyTranslation& policy, std::string text, std::string advice) {
  policy.document.reset();
  policy.remarks.left_out("", std::move(text), std::move(advice));
}

/// Applied one after the other, the last of one name would be in force.
void leave_out_namesakes(std::vector<PolicyTranslation>& policies) {
  std::map<std::string, std::size_t> count;
  for (const PolicyTranslation& policy : policies) ++count[policy.object];
  for (PolicyTranslation& policy : policies) {
    if (count[policy.object] > 1) leave_out(policy, "there are several of this name", "leave one in FILE");
  }
}

/// Whether images that `missing` is about, as far as nothing written stands for it, may be among those of
/// `written`.
bool leaves_gap_in(const PolicyTranslation& missing, const PolicyTranslation& written) {
  if (!missing.restricts) return false;
  if (missing.selects_more) return true;
  if (missing.document) return false;
  for (const std::string& one : missing.images) {
    for (const std::string& other : written.images) {
      if (may_overlap(one, other)) return true;
    }
  }
  return false;
}

/// All policies that select an image have to accept it: where one is missing, the others would do alone.
void leave_out_dependents(std::vector<PolicyTranslation>& policies) {
  std::vector<const PolicyTranslation*> missing;
  for (const PolicyTranslation& policy : policies) {
    if (!policy.document || policy.selects_more) missing.push_back(&policy);
  }
  for (std::size_t i = 0; i < missing.size(); ++i) {
    for (PolicyTranslation& policy : policies) {
      if (&policy == missing[i] || !policy.document || !leaves_gap_in(*missing[i], policy)) continue;
      const bool is_known = std::find(missing.begin(), missing.end(), &policy) != missing.end();
      leave_out(
          policy,
          fmt::format("it may select images for which {}, which is not carried over in full, is needed, too",
                      missing[i]->object),
          kByHand);
      // One that was only in part expressible stands for everything already.
      if (!is_known) missing.push_back(&policy);
    }
  }
}

Result<void> check_written(const nlohmann::json& document, const std::string& object) {
  ProblemList problems(object, ProblemList::Positions::kUnknown);
  parse_trust_policy(from_json(document), problems);
  if (problems.empty()) return {};
  Error error = problems.to_error();
  error.code = ErrorCode::kInternal;
  return fail(std::move(error));
}

}  // namespace

bool ImportedPolicies::is_complete() const {
  return std::all_of(remarks.begin(), remarks.end(),
                     [](const ImportRemark& one) { return one.kind == ImportRemark::Kind::kNote; });
}

Result<ImportedPolicies> import_cluster_image_policies(const std::vector<Node>& documents) {
  ImportedPolicies out;
  const std::vector<Item> items = items_of(documents, out.remarks);
  if (documents.size() > kMaxImportedDocuments || items.size() > kMaxImportedDocuments)
    return fail(ErrorCode::kTooLarge, fmt::format("more than {} documents", kMaxImportedDocuments));
  if (count_globs(items) > kMaxImportedGlobs)
    return fail(ErrorCode::kTooLarge, fmt::format("more than {} globs", kMaxImportedGlobs));
  std::vector<PolicyTranslation> policies;
  for (const Item& item : items) {
    if (is_policy(*item.node)) {
      policies.push_back(translate_policy(*item.node, item.place));
    } else {
      out.remarks.push_back(foreign(item));
    }
  }
  leave_out_namesakes(policies);
  leave_out_dependents(policies);
  for (PolicyTranslation& policy : policies) {
    std::move(policy.remarks.all().begin(), policy.remarks.all().end(), std::back_inserter(out.remarks));
    if (!policy.document) continue;
    if (auto good = check_written(*policy.document, policy.object); !good)
      return fail(std::move(good).error());
    out.documents.push_back(std::move(*policy.document));
  }
  return out;
}

}  // namespace kintsugi::trust
