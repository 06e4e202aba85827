// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/core/list_reader.h"

#include <fmt/format.h>

#include <string_view>

#include "k8s-client/core/ondemand.h"

namespace kintsugi::k8s {
namespace {

using simdjson::error_code;
using simdjson::ondemand::value;

/// Relists come in one page of any size; the next one may be days away.
constexpr std::size_t kKeepBytes = 1u << 20;

error_code read_metadata(value metadata, ListMeta& out) {
  simdjson::ondemand::object object;
  if (const auto error = metadata.get_object().get(object)) return error;
  for (auto member : object) {
    std::string_view key;
    std::string_view text;
    std::int64_t remaining = 0;
    if (const auto error = member.unescaped_key().get(key)) return error;
    if (key == "resourceVersion") {
      if (const auto error = member.value().get_string().get(text)) return error;
      out.resource_version = text;
    } else if (key == "continue") {
      if (const auto error = member.value().get_string().get(text)) return error;
      out.continue_token = text;
    } else if (key == "remainingItemCount") {
      if (const auto error = member.value().get_int64().get(remaining)) return error;
      out.remaining_items = remaining;
    }
  }
  return simdjson::SUCCESS;
}

error_code read_items(value items, const ListReader::ItemSink& on_item) {
  bool absent = false;
  if (const auto error = items.is_null().get(absent)) return error;
  if (absent) return simdjson::SUCCESS;
  simdjson::ondemand::array array;
  if (const auto error = items.get_array().get(array)) return error;
  for (auto element : array) {
    std::string_view text;
    if (const auto error = simdjson::to_json_string(element).get(text)) return error;
    on_item(RawJson{text});
  }
  return simdjson::SUCCESS;
}

}  // namespace

struct ListReader::Parser {
  simdjson::ondemand::parser parser;
};

ListReader::ListReader() : parser_(std::make_unique<Parser>()) {}
ListReader::~ListReader() = default;
ListReader::ListReader(ListReader&&) noexcept = default;
ListReader& ListReader::operator=(ListReader&&) noexcept = default;

Result<ListMeta> ListReader::read(RawJson page, const ItemSink& on_item) {
  ListMeta meta;
  bool has_metadata = false;
  bool has_items = false;
  const error_code error = read_object(parser_->parser, page, [&](std::string_view key, value field) {
    if (key == "metadata") {
      has_metadata = true;
      return read_metadata(field, meta);
    }
    if (key == "items") {
      has_items = true;
      return read_items(field, on_item);
    }
    return simdjson::SUCCESS;
  });
  if (page.text.size() > kKeepBytes) parser_ = std::make_unique<Parser>();
  if (error || !has_metadata || !has_items) {
    return fail(ErrorCode::kInvalidInput,
                fmt::format("the answer is no list: {}",
                            error ? simdjson::error_message(error) : "metadata or items missing"));
  }
  return meta;
}

}  // namespace kintsugi::k8s
