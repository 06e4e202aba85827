// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "base/document.h"
#include "base/result.h"
#include "trust/sigstore/statement.h"

namespace kintsugi::trust {

/// The predicate of a statement, which in old attestations is JSON within a string. The statement must
/// outlive it.
class Predicate {
 public:
  /// Error: kRefused with AttestationMalformed, for a string that is not JSON.
  static Result<Predicate> of(const Statement& statement);

  const Node& node() const { return decoded_ ? *decoded_ : *written_; }

 private:
  const Node* written_ = nullptr;
  std::shared_ptr<const Node> decoded_;
};

}  // namespace kintsugi::trust
