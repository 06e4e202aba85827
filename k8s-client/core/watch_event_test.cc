// SPDX-License-Identifier: Apache-2.0
#include "k8s-client/core/watch_event.h"

#include <catch2/catch.hpp>

using namespace kintsugi;
using namespace kintsugi::k8s;

namespace {

std::vector<std::string> lines_of(LineFramer& framer) {
  std::vector<std::string> lines;
  for (;;) {
    const auto line = framer.next();
    REQUIRE(line);
    if (!*line) return lines;
    lines.emplace_back((*line)->text);
  }
}

Result<WatchEvent> parse(std::string text) {
  static WatchEventParser parser;
  static std::string kept;  // the event points into it
  kept = std::move(text);
  return parser.parse(padded(kept));
}

}  // namespace

TEST_CASE("a stream split at any two offsets gives the same lines (K2.2, K13.1)") {
  const std::string stream = "{\"type\":\"ADDED\"}\n\n{\"b\":\"\\n\xC3\xA9\"}\n\r\n{\"cut\":";
  for (std::size_t first = 0; first <= stream.size(); ++first) {
    for (std::size_t second = first; second <= stream.size(); ++second) {
      LineFramer framer;
      std::vector<std::string> lines;
      const std::string_view view = stream;
      for (const auto piece :
           {view.substr(0, first), view.substr(first, second - first), view.substr(second)}) {
        framer.append(piece);
        for (auto& line : lines_of(framer)) lines.push_back(std::move(line));
      }
      CHECK(lines == std::vector<std::string>{"{\"type\":\"ADDED\"}", "{\"b\":\"\\n\xC3\xA9\"}", "\r"});
      CHECK(framer.rest().text == "{\"cut\":");
    }
  }
}

TEST_CASE("a line over the limit ends the stream, complete or not") {
  const std::string tail = GENERATE("\n", "");
  LineFramer framer(10);
  framer.append("0123456789\n01234567890" + tail);
  REQUIRE(framer.next().value()->text == "0123456789");
  CHECK(framer.next().error().code == ErrorCode::kTooLarge);
}

TEST_CASE("a framer that held a huge line gives its memory back and goes on") {
  LineFramer framer;
  framer.append(std::string(4u << 20, 'x') + "\n");
  CHECK(lines_of(framer).size() == 1);
  framer.append("a\n");
  CHECK(lines_of(framer) == std::vector<std::string>{"a"});
}

TEST_CASE("an event has its type, its object's text and resource version") {
  struct Case {
    std::string line;
    WatchEventType type;
    std::string object;
    std::string version;
  };
  const std::string pod = R"({"metadata":{"name":"a","resourceVersion":"7"}})";
  const auto c = GENERATE_COPY(
      Case{R"({"type":"ADDED","object":)" + pod + "}", WatchEventType::kAdded, pod, "7"},
      Case{R"({"type":"MODIFIED","object":)" + pod + " } ", WatchEventType::kModified, pod, "7"},
      Case{R"( { "object" : )" + pod + R"( , "type":"DELETED"})", WatchEventType::kDeleted, pod, "7"},
      Case{R"({"type":"BOOKMARK","object":)" + pod + "}\r", WatchEventType::kBookmark, pod, "7"},
      Case{R"({"type":"NOVELTY","object":)" + pod + R"(,"more":[{"x":1}]})", WatchEventType::kUnknown, pod,
           "7"},
      Case{R"({"type":"ADDED","object":{}})", WatchEventType::kAdded, "{}", ""},
      Case{R"({"type":"ADDED","object":{"metadata":{"resourceVersion":7}}})", WatchEventType::kAdded,
           R"({"metadata":{"resourceVersion":7}})", ""},
      Case{R"({"type":"ADDED","object":{"metadata":null}})", WatchEventType::kAdded, R"({"metadata":null})",
           ""},
      Case{R"({"\u0074ype":"ADD\u0045D","object":{"a":"}\""}})", WatchEventType::kAdded, R"({"a":"}\""})",
           ""});
  INFO(c.line);
  const auto event = parse(c.line);
  REQUIRE(event);
  CHECK(event->type == c.type);
  CHECK(event->object.text == c.object);
  CHECK(event->resource_version == c.version);
  CHECK_FALSE(event->error);
}

TEST_CASE("an ERROR event carries its Status as an API error (K2.5)") {
  const auto event =
      parse(R"({"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},)"
            R"("status":"Failure","message":"too old resource version","reason":"Expired","code":410}})");
  REQUIRE(event);
  REQUIRE(event->error);
  CHECK(event->error->http_status == 410);
  CHECK(event->error->is_expired());
}

TEST_CASE("an ERROR event without a usable code is an internal error") {
  const std::string object = GENERATE("{}", R"({"code":"410"})", R"({"code":200})", R"({"code":1e99})");
  INFO(object);
  const auto event = parse(R"({"type":"ERROR","object":)" + object + "}");
  REQUIRE(event);
  CHECK(event->error->http_status == 500);
}

TEST_CASE("what is no event is refused") {
  const std::string line = GENERATE(
      "", " ", "x", "null", "[]", "{}", "\"ADDED\"", R"({"type":"ADDED"})", R"({"object":{}})",
      R"({"type":"ADDED","object":null})", R"({"type":"ADDED","object":"x"})", R"({"type":1,"object":{}})",
      R"({"type":"ADDED","object":{})", R"({"type":"ADDED","object":{}}})",
      R"({"type":"ADDED","object":{}} {})", R"({"type":"ADDED","object":{"a":)",
      R"({"type":"ADDED" "object":{}})", "{\"type\":\"ADDED\",\"object\":{\"a\":\"\xFF\"}}");
  INFO(line);
  CHECK(parse(line).error().code == ErrorCode::kInvalidInput);
}

TEST_CASE("an event cut anywhere is refused, never half delivered") {
  const std::string line =
      R"({"type":"ADDED","object":{"metadata":{"resourceVersion":"12"},"n":[1,{"a":null}]}})";
  for (std::size_t length = 0; length < line.size(); ++length) {
    INFO(line.substr(0, length));
    CHECK_FALSE(parse(line.substr(0, length)));
  }
}
