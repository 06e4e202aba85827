// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace kintsugi {

using PieceSink = std::function<Result<void>(std::string_view piece)>;

/// Hands the file to `take` piece by piece, until that gives an error, which is returned. Errors: as
/// read_file().
Result<void> read_pieces(const std::string& path, const PieceSink& take);

/// The whole file. Errors: kNotFound, kForbidden, kTooLarge above `max_bytes`, kInternal for other I/O
/// trouble.
Result<std::string> read_file(const std::string& path, std::size_t max_bytes);

/// Replaces or makes `path` so that a crash leaves the old content or the new, never a part: temporary file
/// in the same directory, fsync, rename, fsync of the directory. Mode 0640.
Result<void> write_file_durably(const std::string& path, std::string_view content);

/// The same for content that comes piece by piece: `produce` hands it to `write`, which gives an error where
/// it cannot be written. Where `produce` ends with an error, that is returned, and `path` is as it was.
Result<void> write_pieces_durably(const std::string& path,
                                  const std::function<Result<void>(const PieceSink& write)>& produce);

/// Regular files directly in `directory` whose names end in one of `suffixes`, sorted by name; full paths.
/// Names that start with a dot (editors, mounted ConfigMaps' "..data") are left out.
Result<std::vector<std::string>> list_files(const std::string& directory,
                                            const std::vector<std::string>& suffixes);

}  // namespace kintsugi
