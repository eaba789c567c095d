#pragma once
// Streams text files of any size (plain, .gz, .zst, "-" for standard input) in lines or in large chunks that
// end with a line. Bytes are passed on unchanged: line ends are kept, nothing is decoded.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "io/byte_source.h"

namespace roberta {

/// Part of a text. Memory of `text` is reused from call to call.
struct TextChunk {
  std::string text;
  int64_t offset = 0;       ///< of the first byte, in the (decompressed) text
  int64_t line = 1;         ///< number of the line that the first byte belongs to, from 1
  bool starts_line = true;  ///< false: continues a line that was too long for one chunk
};

/// Not thread safe; several threads may share one behind a lock. Errors: Error(kInput) that names the file.
class TextReader {
 public:
  explicit TextReader(const std::filesystem::path& path, size_t chunk_bytes = size_t{1} << 20);

  /// The next whole lines, about `chunk_bytes` of them. A line longer than 16 chunks is cut before a space
  /// that follows a printable ASCII character, which is a border of pre-tokens; where there is none, that is
  /// an error. False at the end.
  bool next_chunk(TextChunk& chunk);

  /// The next line without its '\n' (a '\r' stays); valid until the next call. Lines longer than 16 chunks
  /// are an error. False at the end. Not to be mixed with next_chunk().
  bool next_line(std::string_view& line);
  /// Number (from 1) and first byte of the line that next_line() gave last.
  int64_t line_number() const { return line_number_; }
  int64_t line_offset() const { return line_offset_; }

  const std::string& name() const { return name_; }
  /// Bytes taken from the stored file; for progress.
  int64_t stored_position() const { return source_->stored_position(); }

 private:
  /// Appends up to `n` bytes to `text`; false when there were none.
  bool append(std::string& text, size_t n);
  size_t cut_of_long_line(const std::string& text) const;

  std::string name_;
  std::unique_ptr<ByteSource> source_;
  size_t chunk_bytes_, longest_;
  std::string rest_;  // read, but belongs to the next chunk
  int64_t offset_ = 0, line_ = 1;
  bool starts_line_ = true, ended_ = false;

  TextChunk current_;  // of next_line()
  size_t next_ = 0;
  int64_t line_number_ = 0, line_offset_ = 0;
};

}  // namespace roberta
