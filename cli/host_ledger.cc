// SPDX-License-Identifier: Apache-2.0
#include "cli/host_ledger.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace kintsugi::cli {
namespace {

constexpr k8s::Resource kLedgerEntries{"host.kintsugi.dev", "v1", "ledgerentries", "LedgerEntry", false};

Result<void> take_entry(const nlohmann::json& entry, incidents::LedgerContents& contents) {
  const auto text_of = [&](const char* key) {
    const auto member = entry.find(key);
    return member == entry.end() || !member->is_string() ? std::string() : member->get<std::string>();
  };
  if (std::string total = text_of("total"); !total.empty()) {
    contents.totals.push_back(std::move(total));
    return {};
  }
  auto record = incidents::parse_ledger_record(text_of("record"));
  if (!record) return fail(std::move(record).error());
  contents.records.push_back(std::move(*record));
  return {};
}

}  // namespace

Result<incidents::LedgerContents> load_host_ledger(const Session& session) {
  const auto entries = session.client.list(kLedgerEntries, "", {}, session.read_options());
  if (!entries) return fail(entries.error());
  incidents::LedgerContents contents;
  for (const nlohmann::json& entry : *entries) {
    if (auto taken = take_entry(entry, contents); !taken) return fail(std::move(taken).error());
  }
  return contents;
}

}  // namespace kintsugi::cli
