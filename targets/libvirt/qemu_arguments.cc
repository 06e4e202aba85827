// SPDX-License-Identifier: Apache-2.0
#include "targets/libvirt/qemu_arguments.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>

#include "base/escape.h"
#include "targets/libvirt/domain_document.h"

namespace kintsugi::targets {
namespace {

/// Names change with QEMU's versions, so that a list of what leads out would never be whole.
constexpr std::array<std::string_view, 6> kHarmless{"-enable-kvm", "-no-acpi",     "-no-hpet",
                                                    "-no-reboot",  "-no-shutdown", "-nodefaults"};
/// -global changes the properties of devices that libvirt has made, and knows.
constexpr std::array<std::string_view, 10> kHarmlessWithValue{
    "-accel", "-boot", "-cpu", "-global", "-icount", "-m", "-machine", "-overcommit", "-smbios", "-smp"};

constexpr std::size_t kMaxShownBytes = 40;

template <std::size_t kSize>
bool contains(const std::array<std::string_view, kSize>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::string_view local_name(pugi::xml_node element) {
  const std::string_view name = element.name();
  const std::size_t colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

/// QEMU takes "--device" as "-device".
std::string_view option_of(std::string_view argument) {
  return argument.starts_with("--") ? argument.substr(1) : argument;
}

/// Collects what is not harmless from the arguments in their order.
class ArgumentReader {
 public:
  void read(std::string_view argument) {
    if (!argument.starts_with('-') || argument == "-") return read_value();
    const std::string_view option = option_of(argument);
    takes_value_ = !contains(kHarmless, option);
    if (takes_value_ && !contains(kHarmlessWithValue, option)) add(escape(option, kMaxShownBytes));
  }

  const std::set<std::string>& options() const { return options_; }

 private:
  /// What belongs to no option is the image of a disk.
  void read_value() {
    if (!takes_value_) add("an argument without option");
    takes_value_ = false;
  }

  void add(std::string name) {
    if (options_.size() < kMaxDomainDevices) options_.insert(std::move(name));
  }

  bool takes_value_ = false;
  std::set<std::string> options_;
};

std::set<std::string> options_of(pugi::xml_node command_line) {
  ArgumentReader reader;
  for (const pugi::xml_node argument : command_line.children()) {
    if (local_name(argument) == "arg") reader.read(argument.attribute("value").value());
  }
  return reader.options();
}

bool is_command_line(pugi::xml_node element, pugi::xml_node domain) {
  return local_name(element) == "commandline" && is_for_qemu(element, domain);
}

}  // namespace

bool is_for_qemu(pugi::xml_node element, pugi::xml_node domain) {
  const std::string declaration = declaration_of(element.name());
  const pugi::xml_attribute own = element.attribute(declaration.c_str());
  return std::string_view((own ? own : domain.attribute(declaration.c_str())).value()) == kQemuNamespace;
}

std::vector<DomainPassage> read_qemu_passages(pugi::xml_node domain) {
  std::set<std::string> options;
  for (const pugi::xml_node element : qemu_passage_elements(domain)) options.merge(options_of(element));
  std::vector<DomainPassage> passages;
  for (const std::string& option : options) passages.push_back({std::string(kQemuPassage), option});
  return passages;
}

std::vector<pugi::xml_node> qemu_passage_elements(pugi::xml_node domain) {
  std::vector<pugi::xml_node> elements;
  for (const pugi::xml_node element : domain.children()) {
    if (is_command_line(element, domain) && !options_of(element).empty()) elements.push_back(element);
  }
  return elements;
}

}  // namespace kintsugi::targets
