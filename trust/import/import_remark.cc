// SPDX-License-Identifier: Apache-2.0
#include "trust/import/import_remark.h"

#include <fmt/format.h>

namespace kintsugi::trust {

std::string ImportRemark::to_string() const {
  return fmt::format("{}{}{}: {}{}{}{}", object, path.empty() ? "" : ", ", path,
                     kind == Kind::kLeftOut ? "left out: " : "", text, advice.empty() ? "" : "; ", advice);
}

void RemarkList::push(ImportRemark::Kind kind, std::string path, std::string text, std::string advice) {
  remarks_.push_back({kind, object_, std::move(path), std::move(text), std::move(advice)});
}

void RemarkList::note(std::string path, std::string text, std::string advice) {
  push(ImportRemark::Kind::kNote, std::move(path), std::move(text), std::move(advice));
}

void RemarkList::lost(std::string path, std::string text, std::string advice) {
  push(ImportRemark::Kind::kLost, std::move(path), std::move(text), std::move(advice));
}

void RemarkList::left_out(std::string path, std::string text, std::string advice) {
  push(ImportRemark::Kind::kLeftOut, std::move(path), std::move(text), std::move(advice));
}

void RemarkList::add(const ProblemList& problems, ImportRemark::Kind kind) {
  for (const Problem& problem : problems.all()) push(kind, problem.path, problem.message, problem.suggestion);
  if (const std::size_t more = problems.count() - problems.all().size(); more > 0)
    push(kind, "", fmt::format("{} more problems of this kind", more), "");
}

}  // namespace kintsugi::trust
