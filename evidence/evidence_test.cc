// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include <filesystem>

#include "base/encoding.h"
#include "base/file.h"
#include "base/testing/scratch_directory.h"
#include "evidence/store.h"

using namespace kintsugi;
using namespace kintsugi::evidence;

TEST_CASE("evidence is kept with its hash and vouched for by the manifest") {
  const ScratchDirectory directory;
  const ManualClock clock;
  DirectoryStore store(directory.path(), {1000}, clock);
  CHECK(store.find("inc-1").error().code == ErrorCode::kNotFound);
  auto file = store.put("inc-1", "logs/web.log", "line\n", "logs");
  REQUIRE(file);
  file->truncated = true;
  CHECK(file->sha256 == sha256_hex("line\n"));
  Manifest manifest{"inc-1", "pod shop/web", clock.now(), {*file}, {{"processes", "no ps"}}};
  const auto hash = store.finish(manifest);
  REQUIRE(hash);
  const auto text = read_file(directory / "inc-1/manifest.json", 10000);
  REQUIRE(text);
  CHECK(sha256_hex(*text) == *hash);
  const auto found = store.find("inc-1");
  REQUIRE(found);
  CHECK(found->files == manifest.files);
  CHECK(found->failures == manifest.failures);
}

TEST_CASE("a path that would leave the incident's folder is refused") {
  const ScratchDirectory directory;
  const ManualClock clock;
  DirectoryStore store(directory.path(), {1000}, clock);
  const std::string bad =
      GENERATE("", "/etc/x", "../x", "a/../../x", "a//../x", "a\nb", "a b", "./a", "%2e%2e/x");
  INFO(bad);
  CHECK_FALSE(store.put("inc-1", bad, "x", "c"));
  CHECK_FALSE(store.put(bad, "a", "x", "c"));
}

TEST_CASE("an incident's budget holds over all of its files") {
  const ScratchDirectory directory;
  const ManualClock clock;
  DirectoryStore store(directory.path(), {10}, clock);
  CHECK(store.put("inc-1", "a", "123456", "c"));
  CHECK(store.put("inc-1", "b", "12345", "c").error().code == ErrorCode::kTooLarge);
  CHECK(store.put("inc-2", "b", "12345", "c"));
}

TEST_CASE("the budget of all incidents holds, and leaves room for what is small") {
  const ScratchDirectory directory;
  ManualClock clock;
  const std::string large(100u << 10, 'x');
  const std::string small(10u << 10, 'x');
  {
    DirectoryStore earlier(directory.path(), {1u << 20, 1u << 20}, clock);
    for (int i = 0; i < 5; ++i) REQUIRE(earlier.put("inc-" + std::to_string(i), "a", large, "logs"));
  }
  DirectoryStore store(directory.path(), {1u << 20, 1u << 20}, clock);
  REQUIRE(store.put("inc-6", "a", large, "logs"));
  REQUIRE(store.put("inc-7", "a", large, "logs"));
  for (int i = 0; i < 3; ++i) REQUIRE(store.put("inc-7", "a", large, "logs"));  // replaced, not added
  REQUIRE(store.put("inc-8", "a", large, "logs"));
  const auto refused = store.put("inc-9", "a", large, "logs");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kTooLarge);
  CHECK(refused.error().to_string().find("--evidence-max-bytes") != std::string::npos);
  CHECK(store.put("inc-9", "pod.json", small, "pod"));
  CHECK(store.finish({"inc-9", "pod shop/web", clock.now(), {}, {{"logs", "full"}}}));
  int more = 0;
  while (more < 100 && store.put("inc-10", std::to_string(more), small, "pod")) ++more;
  CHECK(more > 10);
  CHECK(more < 25);

  std::filesystem::remove_all(directory / "inc-1");
  CHECK_FALSE(store.put("inc-9", "b", small, "pod"));
  clock.advance(std::chrono::minutes(5));
  CHECK(store.put("inc-9", "b", small, "pod"));
}

TEST_CASE("a manifest that is none is an error") {
  const std::string bad = GENERATE(
      "", "{}", "[]", R"({"incident":"i","target":"t","createdTime":"2026-01-01T00:00:00Z"})",
      R"({"incident":"i","target":"t","createdTime":"x","files":[]})",
      R"({"incident":"i","target":"t","createdTime":"2026-01-01T00:00:00Z","files":[{"path":"a"}]})",
      R"({"incident":"i","target":"t","createdTime":"2026-01-01T00:00:00Z","files":[],"failures":[1]})");
  INFO(bad);
  CHECK_FALSE(parse_manifest(bad));
}

TEST_CASE("what dies with the pod is recognised by its mount") {
  struct Case {
    std::string name, mountinfo;
    bool durable;
  };
  const auto c = GENERATE(values<Case>({
      {"a machine's own disk", "22 1 254:0 / / rw - ext4 /dev/vda rw\n", true},
      {"a container's own layer", "22 1 0:50 / / rw - overlay overlay rw\n", false},
      {"a volume in a container",
       "22 1 0:50 / / rw - overlay o rw\n30 22 8:1 /pv /evidence rw - ext4 /dev/sdb rw\n", true},
      {"an emptyDir",
       "22 1 0:50 / / rw - overlay o rw\n30 22 8:1 /var/lib/kubelet/pods/u/volumes/kubernetes.io~empty-dir/e "
       "/evidence rw - ext4 /dev/vda rw\n",
       false},
      {"an emptyDir in memory",
       "22 1 0:50 / / rw - overlay o rw\n30 22 0:60 / /evidence rw - tmpfs tmpfs rw\n", false},
      {"a namesake's mount is not ours",
       "22 1 254:0 / / rw - ext4 d rw\n30 22 0:60 / /evid rw - tmpfs t rw\n", true},
      {"the later mount hides the earlier",
       "22 1 254:0 / / rw - ext4 d rw\n30 22 0:60 / /evidence rw - tmpfs t rw\n31 30 8:1 / /evidence rw - "
       "xfs d rw\n",
       true},
      {"with optional tags", "22 1 0:50 / / rw,relatime shared:1 master:2 - overlay o rw\n", false},
  }));
  INFO(c.name);
  CHECK(is_durable_mount(c.mountinfo, "/evidence/x") == c.durable);
}
