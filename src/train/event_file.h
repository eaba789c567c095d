#pragma once
// TensorBoard's event files: records of TFRecord framing, each an Event message of Protocol Buffers, of which
// only scalars are needed (docs/formats.md).

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace roberta {

/// One new file in a folder, written record by record: a killed process loses none. Not thread safe. Errors:
/// Error(kResource) that names the file.
class EventFile {
 public:
  /// Makes the folder if it is missing. TensorBoard then leaves out what earlier files of the folder say of
  /// steps after `resumed_step`.
  EventFile(const std::filesystem::path& folder, int64_t resumed_step);
  ~EventFile();
  EventFile(const EventFile&) = delete;
  EventFile& operator=(const EventFile&) = delete;

  using Scalar = std::pair<std::string_view, double>;  // tag, value
  void write(int64_t step, std::span<const Scalar> scalars);
  const std::filesystem::path& path() const { return path_; }

 private:
  void write_record(std::string_view event);

  std::filesystem::path path_;
  int fd_ = -1;
};

/// CRC-32C (Castagnoli), as TFRecord has it before masking.
uint32_t crc32c(std::string_view bytes);

}  // namespace roberta
