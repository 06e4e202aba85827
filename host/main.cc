// SPDX-License-Identifier: Apache-2.0
//
// kintsugi-host-controller: what `kintsugi-controller --host` becomes.
#include "controller/program.h"
#include "host/host_app.h"

int main(int argc, char** argv) {
  return kintsugi::controller::run_program(argc, argv, kintsugi::host::run_host);
}
