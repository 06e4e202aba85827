// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace kintsugi::k8s {

struct TestPair {
  std::string certificate_pem;
  std::string key_pem;
};

/// A fresh self-signed pair; throws where OpenSSL cannot make one.
TestPair make_test_pair(const std::string& common_name);

}  // namespace kintsugi::k8s
