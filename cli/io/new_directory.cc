#include "cli/io/new_directory.h"

#include <unistd.h>

#include <string>
#include <system_error>

#include "cli/io/signals.h"
#include "cli/io/target_path.h"
#include "roberta/error.h"

namespace roberta::cli {

namespace fs = std::filesystem;

fs::path new_directory(const Settings& settings) {
  settings.require("output");
  fs::path output = target_path(settings.path("output"));
  std::error_code error;
  if (!fs::exists(output, error)) return output;
  if (!fs::is_directory(output, error))
    throw Error(ErrorCode::kUsage, "--output " + output.string() + ": expected a directory, got a file");
  if (!fs::is_empty(output, error))
    throw Error(ErrorCode::kUsage, "--output " + output.string() + " is not empty; choose another directory");
  return output;
}

void write_directory(const fs::path& output, const std::function<void(const fs::path&)>& write) {
  Temporary temporary(output.parent_path() /
                      ("." + output.filename().string() + ".tmp-" + std::to_string(getpid())));
  const fs::path whole = temporary.path() / "model";
  write(whole);
  std::error_code error;
  fs::rename(whole, output, error);
  if (error) {
    throw Error(ErrorCode::kResource,
                "--output " + output.string() +
                    ": cannot rename the finished directory into place: " + error.message());
  }
}

}  // namespace roberta::cli
