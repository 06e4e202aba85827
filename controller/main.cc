// SPDX-License-Identifier: Apache-2.0
//
// kintsugi-controller. With --host it becomes kintsugi-host-controller, which stands beside it: what that
// needs of libvirt is nothing that a cluster's controller should carry in its image and its memory.
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "controller/program.h"

namespace {

using kintsugi::ErrorCode;
using kintsugi::Result;

Result<void> become_host_controller(char** argv) {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::string program = self.parent_path() / "kintsugi-host-controller";
  ::execv(program.c_str(), argv);
  return kintsugi::fail(kintsugi::make_error(ErrorCode::kUnavailable, std::generic_category().message(errno))
                            .on(program)
                            .advise("--host needs this program beside kintsugi-controller"));
}

}  // namespace

int main(int argc, char** argv) {
  return kintsugi::controller::run_program(argc, argv, [argv](const auto&, const auto&, auto&, const auto&) {
    return become_host_controller(argv);
  });
}
