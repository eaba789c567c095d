#include "data/batch_reader.h"

#include <algorithm>

#include "core/error.h"
#include "core/utf8.h"

namespace roberta {
namespace {

constexpr size_t kBatchBytes = size_t{1} << 20;

}  // namespace

size_t cut_point(std::string_view text) {
  const std::string_view head = text.substr(0, kMaxDocumentBytes);
  if (const size_t newline = head.rfind('\n'); newline != std::string_view::npos) return newline + 1;
  if (const size_t space = head.rfind(' '); space != std::string_view::npos && space > 0) return space;
  return cut_utf8(text, kMaxDocumentBytes).size();
}

bool is_blank(std::string_view line) {
  return std::all_of(line.begin(), line.end(), [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); });
}

BatchReader::BatchReader(const InputFile& file, const FilePosition& position)
    : name_(display_name(file.path)),
      json_(file.format == TextFormat::kJsonl),
      source_(open_byte_source(file.path)) {
  fill();
  drop_mark();
  skip_to(position);
}

/// Appends kBatchBytes, less only at the end of the file; false when there were none.
bool BatchReader::fill() {
  if (ended_) return false;
  const size_t before = buffer_.size();
  buffer_.resize(before + kBatchBytes);
  size_t have = before;
  while (have < buffer_.size() && !ended_) {
    const size_t got = source_->read(buffer_.data() + have, buffer_.size() - have);
    have += got;
    ended_ = got == 0;
  }
  buffer_.resize(have);
  return have > before;
}

/// Drops the byte order mark of UTF-8. One of UTF-16 is an error.
void BatchReader::drop_mark() {
  if (buffer_.starts_with("\xEF\xBB\xBF")) {
    buffer_.erase(0, 3);
    offset_ = 3;
  } else if (buffer_.starts_with("\xFF\xFE") || buffer_.starts_with("\xFE\xFF")) {
    fail(ErrorCode::kInput, "[input] ", name_, ": is UTF-16; convert it to UTF-8 first");
  }
}

/// Drops the first `n` bytes of the buffer.
void BatchReader::take(size_t n) {
  digest_.add(std::string_view(buffer_).substr(0, n));
  buffer_.erase(0, n);
  offset_ += static_cast<int64_t>(n);
}

void BatchReader::skip_to(const FilePosition& position) {
  const auto changed = [&](const std::string& what) {
    fail(ErrorCode::kUsage, "[input] ", name_, ": ", what,
         ": the file has changed since the interrupted run read it; start again with --overwrite");
  };
  while (offset_ < position.offset) {
    if (offset_ == position.checked && digest_.value() != position.digest && offset_ > 0)
      changed(concat("other text before byte ", offset_));
    const int64_t stop = offset_ < position.checked ? position.checked : position.offset;
    take(std::min(buffer_.size(), static_cast<size_t>(stop - offset_)));
    if (offset_ < stop && !fill()) changed(concat("ends at byte ", offset_));
  }
  line_ = position.line;
}

/// End of the last blank line, or of the last line of JSON; 0: none.
size_t BatchReader::last_border() const {
  size_t end = buffer_.rfind('\n');
  if (end == std::string::npos) return 0;
  if (json_) return end + 1;
  while (end != std::string::npos) {
    const size_t before = end == 0 ? std::string::npos : buffer_.rfind('\n', end - 1);
    const size_t begin = before == std::string::npos ? 0 : before + 1;
    if (is_blank(std::string_view(buffer_).substr(begin, end - begin))) return end + 1;
    end = before;
  }
  return 0;
}

/// Where to end a batch that holds only one document that is too long; 0: the document may still end in time.
/// Tries whole lines first, so that the result does not depend on where the batch happens to end.
size_t BatchReader::forced_cut() const {
  const size_t newline = buffer_.rfind('\n');
  const size_t lines = newline == std::string::npos ? 0 : newline + 1;
  if (lines <= kMaxDocumentBytes && buffer_.size() <= 2 * kMaxDocumentBytes) return 0;
  if (json_)
    fail(ErrorCode::kInput, "[input] ", name_, ": line ", line_, " is longer than ", 2 * kMaxDocumentBytes,
         " bytes; split it");
  return cut_point(buffer_);
}

bool BatchReader::next(TextBatch& batch) {
  size_t end = 0;
  batch.cut = false;
  if (buffer_.size() < kBatchBytes) fill();
  while (end == 0) {
    end = last_border();
    if (end > 0) break;
    end = forced_cut();
    batch.cut = end > 0;
    if (end == 0 && !fill()) end = buffer_.size();
    if (end == 0 && buffer_.empty()) return false;
  }
  // The last batch: all that is left, unless that is longer than a document may be.
  if (ended_ && !batch.cut && buffer_.size() <= 2 * kMaxDocumentBytes) end = buffer_.size();
  batch.text.assign(buffer_, 0, end);
  batch.position = {offset_, line_, offset_, digest_.value()};
  take(end);
  line_ += std::count(batch.text.begin(), batch.text.end(), '\n');
  return true;
}

}  // namespace roberta
