#include "cli/io/target_path.h"

namespace roberta::cli {

namespace fs = std::filesystem;

fs::path target_path(const fs::path& path) {
  std::error_code ignored;
  const fs::path whole = fs::absolute(path, ignored);
  fs::path target = fs::weakly_canonical(whole, ignored);
  if (target.empty()) target = whole.lexically_normal();  // a parent directory cannot be read
  return target.has_filename() ? target : target.parent_path();
}

}  // namespace roberta::cli
