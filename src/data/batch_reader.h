#pragma once
// Streams one input file as batches of whole documents, about a megabyte each.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "data/inputs.h"
#include "io/byte_source.h"
#include "io/digest.h"

namespace roberta {

/// A longer document is cut into parts, so that memory stays bounded.
constexpr size_t kMaxDocumentBytes = size_t{8} << 20;
/// Where to cut a text that is longer than that: after its last line that fits, otherwise before its last
/// space, otherwise between two code points.
size_t cut_point(std::string_view text);

/// A line of nothing but ASCII white space separates documents.
bool is_blank(std::string_view line);

/// A position in a (decompressed) file where a document begins, and a digest of what comes before it.
struct FilePosition {
  int64_t offset = 0, line = 1;  ///< bytes from 0, lines from 1
  int64_t checked = 0;           ///< the first so many bytes have the digest
  Digest digest;
};

struct TextBatch {
  std::string text;       ///< whole documents, or parts of one
  FilePosition position;  ///< of its first byte; all bytes before it are in the digest
  bool cut = false;       ///< the last document continues in the next batch
};

/// Not thread safe. Errors: Error(kInput) that names the file.
class BatchReader {
 public:
  /// Begins at `position`. An error when the text before it has changed.
  BatchReader(const InputFile& file, const FilePosition& position);

  /// False at the end.
  bool next(TextBatch& batch);
  int64_t stored_position() const { return source_->stored_position(); }
  const std::string& name() const { return name_; }

 private:
  bool fill();
  void drop_mark();
  void skip_to(const FilePosition& position);
  void take(size_t n);
  size_t last_border() const;
  size_t forced_cut() const;

  std::string name_;
  bool json_;
  std::unique_ptr<ByteSource> source_;
  std::string buffer_;
  int64_t offset_ = 0, line_ = 1;
  DigestBuilder digest_;  // of all before the buffer
  bool ended_ = false;
};

}  // namespace roberta
