// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kintsugi::host {

/// A file of an ISO 9660 image, by the names that the three kinds of readers know it by.
struct IsoFile {
  std::string_view short_name;  ///< "METADATA.;1": ISO 9660 level 1
  std::string_view name;        ///< "meta-data": of Rock Ridge and Joliet, ASCII, at most 64 bytes
  std::string_view content;
};

/// An image with one directory that has these files, readable by all (ECMA-119, with Rock Ridge by
/// IEEE P1282 and Joliet level 3). The same bytes each time: no time of day is in it. Times of files are the
/// beginning of 1970, those of the volume are not given. `files` are in the order of both names, and at most
/// ten. `volume_id`: ASCII, at most 16 bytes. Empty sectors follow the last file. Pure.
std::string iso_image(std::string_view volume_id, const std::vector<IsoFile>& files);

}  // namespace kintsugi::host
