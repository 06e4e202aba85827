// SPDX-License-Identifier: Apache-2.0
//
// trust-judge TESTDATA: reads lines "TABLE ROW BASE64": a bundle, to be judged by what row ROW of
// TESTDATA/TABLE is judged by. Answers each with "verified" or "refused REASON". For
// tests/vectors/differential.
#include <iostream>
#include <map>
#include <sstream>

#include "base/encoding.h"
#include "trust/testing/conformance_table.h"

namespace {

using namespace kintsugi;
using trust::testing::ConformanceCase;
using trust::testing::ConformanceTable;

class Judge {
 public:
  explicit Judge(std::string testdata) : testdata_(std::move(testdata)) {}

  std::string judge(const std::string& line) {
    std::istringstream words(line);
    std::string table, encoded;
    std::size_t row = 0;
    words >> table >> row >> encoded;
    const auto bundle = base64_decode(encoded);
    if (!words || !bundle) return "no question";
    const auto& prepared = case_of(table, row);
    const auto verified = prepared ? prepared->verify(*bundle) : fail(prepared.error());
    return verified ? "verified" : "refused " + verified.error().reason;
  }

 private:
  const Result<ConformanceCase>& case_of(const std::string& table, std::size_t row) {
    const auto found = cases_.find({table, row});
    if (found != cases_.end()) return found->second;
    const auto rows = tables_.try_emplace(table, testdata_ + "/" + table).first;
    return cases_.emplace(std::pair(table, row), rows->second.prepare(rows->second.rows().at(row)))
        .first->second;
  }

  const std::string testdata_;
  std::map<std::string, ConformanceTable> tables_;
  std::map<std::pair<std::string, std::size_t>, Result<ConformanceCase>> cases_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "trust-judge TESTDATA\n";
    return 2;
  }
  try {
    Judge judge(argv[1]);
    for (std::string line; std::getline(std::cin, line);) std::cout << judge.judge(line) << std::endl;
  } catch (const std::exception& trouble) {
    std::cerr << "trust-judge: " << trouble.what() << "\n";
    return 1;
  }
}
