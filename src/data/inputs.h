#pragma once
// Which files a set is made of.

#include <cstdint>
#include <filesystem>
#include <vector>

#include "roberta/prepare.h"

namespace roberta {

struct InputFile {
  std::filesystem::path path;  ///< "-": standard input
  TextFormat format;           ///< never kAuto
  int64_t bytes = -1;          ///< as stored; -1: unknown
  int64_t modified = 0;        ///< nanoseconds; shows whether a file changed between two runs
};

/// The files of a set in the order in which they are read: as given; those of a directory (and of the
/// directories in it) and of a glob by name. Error(kInput) names a path with no files or one that can't be
/// read, before any work is done.
std::vector<InputFile> find_inputs(const PrepareSet& set);

}  // namespace roberta
