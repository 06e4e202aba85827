// SPDX-License-Identifier: Apache-2.0
#include "cli/trust_import.h"

#include <nlohmann/json.hpp>
#include <ostream>
#include <string>

#include "base/escape.h"
#include "base/file.h"
#include "cli/document_text.h"
#include "trust/import/policy_import.h"

namespace kintsugi::cli {
namespace {

constexpr DocumentLimits kLimits{.max_bytes = 1u << 20};

Result<trust::ImportedPolicies> import_file(const std::string& path) {
  const std::string shown = escape(path, 1024);
  const auto text = read_file(path, kLimits.max_bytes);
  if (!text) return fail(text.error());
  const auto documents = parse_yaml_documents(*text, kLimits);
  if (!documents) return fail(Error(documents.error()).on(shown));
  if (documents->empty())
    return fail(make_error(ErrorCode::kInvalidInput, "no ClusterImagePolicy in it").on(shown));
  auto imported = trust::import_cluster_image_policies(*documents);
  return imported ? std::move(imported) : fail(Error(imported.error()).on(shown));
}

void write(const std::vector<nlohmann::json>& documents, bool as_json, std::ostream& out) {
  if (as_json) {
    out << to_json_text({{"apiVersion", "v1"}, {"kind", "List"}, {"items", documents}});
    return;
  }
  for (std::size_t i = 0; i < documents.size(); ++i)
    out << (i == 0 ? "" : "---\n") << to_yaml_text(documents[i]);
}

}  // namespace

ExitCode run_trust_import(const TrustInvocation& invocation, const Surroundings& surroundings) {
  const auto imported = import_file(invocation.subject);
  if (!imported) {
    surroundings.err << "kintsugi: " << imported.error().to_string() << "\n";
    return ExitCode::kError;
  }
  write(imported->documents, invocation.as_json, surroundings.out);
  for (const trust::ImportRemark& remark : imported->remarks) {
    const bool is_note = remark.kind == trust::ImportRemark::Kind::kNote;
    surroundings.err << (is_note ? "note: " : "") << remark.to_string() << "\n";
  }
  return imported->is_complete() ? ExitCode::kDone : ExitCode::kError;
}

}  // namespace kintsugi::cli
