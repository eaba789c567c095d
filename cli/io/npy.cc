#include "cli/io/npy.h"

#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <string>

#include "cli/io/target_path.h"
#include "roberta/error.h"

namespace roberta::cli {
namespace {
constexpr size_t kHeaderBytes = 128;  // fits any shape; a multiple of 64, as NumPy aligns it
static_assert(std::endian::native == std::endian::little, "the header says '<f4'");

/// The target if it is absent or a regular file. Renaming onto /dev/null would replace the device.
std::filesystem::path replaceable(const std::filesystem::path& file) {
  std::filesystem::path target = target_path(file);
  std::error_code ignored;
  const std::filesystem::file_status status = std::filesystem::status(target, ignored);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
    throw Error(ErrorCode::kUsage, "--output " + file.string() + " exists and is not a regular file");
  return target;
}
}  // namespace

NpyWriter::NpyWriter(const std::filesystem::path& file, int64_t columns)
    : target_(replaceable(file)),
      temporary_(target_.string() + ".tmp-" + std::to_string(getpid())),
      out_(std::fopen(temporary_.path().c_str(), "wb")),
      columns_(columns) {
  if (!out_) failed("cannot be created");
  write_header();
}

NpyWriter::~NpyWriter() {
  if (out_) std::fclose(out_);
}

void NpyWriter::write_header() {
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(kHeaderBytes - 10);
  header += '\0';
  header += "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(values_ / columns_) +
            ", " + std::to_string(columns_) + "), }";
  header.resize(kHeaderBytes - 1, ' ');
  header += '\n';
  if (std::fwrite(header.data(), 1, header.size(), out_) != header.size()) failed("cannot be written");
}

void NpyWriter::append(std::span<const float> values) {
  if (std::fwrite(values.data(), sizeof(float), values.size(), out_) != values.size())
    failed("cannot be written");
  values_ += static_cast<int64_t>(values.size());
}

void NpyWriter::finish() {
  if (std::fseek(out_, 0, SEEK_SET) != 0) failed("cannot be written");
  write_header();
  if (std::fflush(out_) != 0 || fsync(fileno(out_)) != 0) failed("cannot be written");
  std::FILE* closing = out_;
  out_ = nullptr;
  if (std::fclose(closing) != 0) failed("cannot be written");
  if (std::rename(temporary_.path().c_str(), target_.c_str()) != 0) failed("cannot be renamed");
  temporary_.keep();
}

void NpyWriter::failed(const char* what) const {
  throw Error(ErrorCode::kResource,
              "[output] " + target_.string() + " " + what + ": " + std::strerror(errno));
}

}  // namespace roberta::cli
