// SPDX-License-Identifier: Apache-2.0
#include "net/stream_buffer.h"

#include <catch2/catch.hpp>

namespace kintsugi::net {

using Pushed = StreamBuffer::Pushed;

TEST_CASE("bytes become chunks and the end a final chunk", "[stream_buffer]") {
  StreamBuffer buffer(100, true);
  CHECK(buffer.push("hello") == Pushed::kQueuedFirst);
  CHECK(buffer.push("") == Pushed::kQueued);
  CHECK(buffer.push(" you all out there") == Pushed::kQueued);
  buffer.finish();
  const StreamBuffer::Batch batch = buffer.take();
  CHECK(batch.bytes == "5\r\nhello\r\n12\r\n you all out there\r\n0\r\n\r\n");
  CHECK(batch.finished);
  CHECK(buffer.push("late") == Pushed::kRefused);
}

TEST_CASE("without chunks the bytes are as they are", "[stream_buffer]") {
  StreamBuffer buffer(100, false);
  buffer.push("hello");
  buffer.finish();
  CHECK(buffer.take().bytes == "hello");
}

TEST_CASE("what is being written counts against the limit", "[stream_buffer]") {
  StreamBuffer buffer(10, false);
  CHECK(buffer.push("123456") == Pushed::kQueuedFirst);
  CHECK(buffer.take().bytes == "123456");
  CHECK(buffer.push("1234") == Pushed::kQueuedFirst);
  CHECK(buffer.push("1") == Pushed::kOverflow);
  CHECK(buffer.push("1") == Pushed::kRefused);
}

TEST_CASE("an aborted body has no final chunk", "[stream_buffer]") {
  StreamBuffer buffer(100, true);
  buffer.push("a");
  buffer.abort();
  buffer.finish();
  const StreamBuffer::Batch batch = buffer.take();
  CHECK(batch.bytes == "1\r\na\r\n");
  CHECK(batch.aborted);
  CHECK_FALSE(batch.finished);
}

}  // namespace kintsugi::net
