// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/core/patch.h"

#include <nlohmann/json.hpp>

#include "base/document.h"
#include "base/escape.h"

namespace kintsugi::k8s {
namespace {

std::string dump(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// One operation, checked for form.
struct Operation {
  std::string name;
  std::string path;
  const nlohmann::json* value = nullptr;  ///< nullptr for remove
};

Result<std::string> string_member(const nlohmann::json& entry, const char* key) {
  const auto member = entry.find(key);
  if (member == entry.end() || !member->is_string()) {
    return fail(ErrorCode::kInvalidInput, std::string("'") + key + "' must be a string");
  }
  return member->get<std::string>();
}

Result<Operation> read_operation(const nlohmann::json& entry) {
  if (!entry.is_object()) return fail(ErrorCode::kInvalidInput, "an operation must be an object");
  auto name = string_member(entry, "op");
  if (!name) return fail(std::move(name).error());
  auto path = string_member(entry, "path");
  if (!path) return fail(std::move(path).error());
  if (*name != "test" && *name != "add" && *name != "replace" && *name != "remove") {
    return fail(ErrorCode::kUnsupported, "operation '" + escape(*name, 32) + "'");
  }
  Operation operation{std::move(*name), std::move(*path), nullptr};
  if (operation.name == "remove") return operation;
  const auto value = entry.find("value");
  if (value == entry.end()) return fail(ErrorCode::kInvalidInput, "'value' is missing");
  operation.value = &*value;
  return operation;
}

/// What the library's patch() would meet with an assertion or pass over: a parent that is missing or a
/// scalar, a member to take away that is not there.
Result<void> check_target(const nlohmann::json& document, const Operation& operation) {
  const nlohmann::json::json_pointer pointer(operation.path);
  if (operation.path.empty()) {
    if (operation.name == "remove")
      return fail(ErrorCode::kInvalidInput, "the whole document cannot be removed");
    return {};
  }
  const auto parent = pointer.parent_pointer();
  if (!document.contains(parent) || !document[parent].is_structured()) {
    return fail(ErrorCode::kConflict, "path not found: " + escape(operation.path, 256));
  }
  const bool may_be_missing = operation.name == "add" || operation.name == "test" ||
                              (operation.name == "replace" && document[parent].is_object());
  if (!may_be_missing && !document.contains(pointer)) {
    return fail(ErrorCode::kConflict, "path not found: " + escape(operation.path, 256));
  }
  return {};
}

bool passes_test(const nlohmann::json& document, const Operation& operation) {
  const nlohmann::json::json_pointer pointer(operation.path);
  if (!document.contains(pointer)) return operation.value->is_null();
  return document[pointer] == *operation.value;
}

Result<void> apply(nlohmann::json& document, const nlohmann::json& entry) {
  const auto operation = read_operation(entry);
  if (!operation) return fail(operation.error());
  if (auto checked = check_target(document, *operation); !checked) return checked;
  if (operation->name == "test") {
    if (passes_test(document, *operation)) return {};
    return fail(ErrorCode::kConflict, "test failed: " + escape(operation->path, 256));
  }
  nlohmann::json change = entry;
  const bool adds =
      operation->name == "replace" && !document.contains(nlohmann::json::json_pointer(operation->path));
  if (adds) change["op"] = "add";
  document = document.patch(nlohmann::json::array({std::move(change)}));
  return {};
}

}  // namespace

std::string json_pointer(std::initializer_list<std::string_view> parts) {
  std::string pointer;
  for (const std::string_view part : parts) {
    pointer += '/';
    for (const char c : part) {
      if (c == '~') {
        pointer += "~0";
      } else if (c == '/') {
        pointer += "~1";
      } else {
        pointer += c;
      }
    }
  }
  return pointer;
}

JsonPatch& JsonPatch::append(std::string_view operation, std::string_view pointer,
                             const nlohmann::json* value) {
  if (count_++ != 0) operations_ += ',';
  operations_ += "{\"op\":\"";
  operations_ += operation;
  operations_ += "\",\"path\":" + dump(nlohmann::json(std::string(pointer)));
  if (value != nullptr) operations_ += ",\"value\":" + dump(*value);
  operations_ += '}';
  return *this;
}

JsonPatch& JsonPatch::test(std::string_view pointer, const nlohmann::json& value) {
  return append("test", pointer, &value);
}
JsonPatch& JsonPatch::add(std::string_view pointer, const nlohmann::json& value) {
  return append("add", pointer, &value);
}
JsonPatch& JsonPatch::replace(std::string_view pointer, const nlohmann::json& value) {
  return append("replace", pointer, &value);
}
JsonPatch& JsonPatch::remove(std::string_view pointer) {
  return append("remove", pointer, nullptr);
}

std::string JsonPatch::to_text() const {
  return "[" + operations_ + "]";
}

Result<nlohmann::json> apply_json_patch(const nlohmann::json& document, std::string_view patch_text) {
  const auto patch = parse_json(patch_text);
  if (!patch) return fail(patch.error());
  if (!patch->is_array()) return fail(ErrorCode::kInvalidInput, "a JSON Patch must be an array");
  nlohmann::json result = document;
  for (std::size_t i = 0; i < patch->size(); ++i) {
    const std::string where = "operation " + std::to_string(i);
    try {
      if (auto done = apply(result, (*patch)[i]); !done) return fail(std::move(done).error().on(where));
    } catch (const nlohmann::json::exception& trouble) {  // a malformed pointer or array index
      return fail(make_error(ErrorCode::kInvalidInput, escape(trouble.what())).on(where));
    }
  }
  return result;
}

}  // namespace kintsugi::k8s
