// SPDX-License-Identifier: Apache-2.0
//
// What becomes of a breached machine's disk.
#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/document.h"
#include "base/file.h"
#include "targets/libvirt/domain_disks.h"
#include "tests/machines/host_site.h"
#include "tests/machines/rebuilt.h"

using namespace kintsugi;
using namespace kintsugi::machines;

TEST_CASE("a breached disk is hashed, and deleted once its time has come and a person agrees",
          "[installed]") {
  Host host;
  const std::string uuid = host.make_empty("disposed");
  Site site(
      playbook_of("full",
                  "[contain: {}, collect: {memory: false, disks: true}, redeploy: {trustPolicy: golden}, "
                  "verify: {readySeconds: 120, quietSeconds: 1}, "
                  "release: {victim: delete, afterSeconds: 1}]"),
      golden_policy());
  site.protect("disposed", "", golden_image("golden.qcow2"));
  const std::string disk = disk_of("disposed");
  const std::string layer = targets::layer_path(disk, incident_of(uuid));
  site.start().post(event_about("disposed"));
  REQUIRE(site.logs("is due to be deleted"));
  const auto said =
      parse_json(read_file(site.evidence_of(incident_of(uuid)) + "/disks.json", 1u << 20).value());
  CHECK(said.value()["disks"][0]["sha256"] == hash_of_file(disk));
  CHECK(std::filesystem::exists(layer));

  const auto asked = site.incidents(
      [](auto& store, const Incident& incident) { order_approval(store, incident, "release", true); });
  INFO(story_of(asked));
  REQUIRE(std::filesystem::exists(disk));
  site.start();
  CHECK(site.logs("Done: delete the breached disk"));
  CHECK_FALSE(std::filesystem::exists(disk));
  CHECK_FALSE(std::filesystem::exists(layer));
  CHECK(runs_rebuilt(host, uuid));
}
