#include "data/batch_reader.h"

#include <algorithm>

#include "core/error.h"

namespace roberta {
namespace {

constexpr size_t kBatchBytes = size_t{1} << 20;

}  // namespace

size_t cut_point(std::string_view text) {
  const std::string_view head = text.substr(0, kLongestDocument);
  if (const size_t newline = head.rfind('\n'); newline != std::string_view::npos) return newline + 1;
  if (const size_t space = head.rfind(' '); space != std::string_view::npos && space > 0) return space;
  size_t at = head.size();
  for (int i = 0; i < 3 && at > 1 && (static_cast<uint8_t>(text[at]) & 0xC0) == 0x80; ++i) --at;
  return at;
}

bool is_blank(std::string_view line) {
  return std::all_of(line.begin(), line.end(), [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); });
}

BatchReader::BatchReader(const InputFile& file, int64_t offset, int64_t line)
    : name_(display_name(file.path)),
      json_(file.format == TextFormat::kJsonl),
      source_(open_byte_source(file.path)),
      line_(line) {
  fill();
  drop_mark();
  skip_to(offset);
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

/// The byte order mark of UTF-8 is no text. Those of UTF-16 mean that the file is none of ours.
void BatchReader::drop_mark() {
  if (buffer_.starts_with("\xEF\xBB\xBF")) {
    buffer_.erase(0, 3);
    offset_ = 3;
  } else if (buffer_.starts_with("\xFF\xFE") || buffer_.starts_with("\xFE\xFF")) {
    fail(ErrorCode::kInput, "[input] ", name_, ": is UTF-16; convert it to UTF-8 first");
  }
}

void BatchReader::skip_to(int64_t offset) {
  while (offset_ < offset) {
    const size_t n = std::min(buffer_.size(), static_cast<size_t>(offset - offset_));
    buffer_.erase(0, n);
    offset_ += static_cast<int64_t>(n);
    if (offset_ < offset && !fill())
      fail(ErrorCode::kInput, "[input] ", name_, ": ends at byte ", offset_, ", the interrupted run read ",
           offset, "; it was changed: begin anew with --overwrite");
  }
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

/// Where to end a batch that holds nothing but a document that is too long; 0: it may still end in time.
/// Looks at whole lines first, so that the place does not depend on where the batch happens to end.
size_t BatchReader::forced_cut() const {
  const size_t newline = buffer_.rfind('\n');
  const size_t lines = newline == std::string::npos ? 0 : newline + 1;
  if (lines <= kLongestDocument && buffer_.size() <= 2 * kLongestDocument) return 0;
  if (json_)
    fail(ErrorCode::kInput, "[input] ", name_, ": line ", line_, " is longer than ", 2 * kLongestDocument,
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
  if (ended_ && !batch.cut && buffer_.size() <= 2 * kLongestDocument) end = buffer_.size();
  batch.text.assign(buffer_, 0, end);
  buffer_.erase(0, end);
  batch.offset = offset_;
  batch.line = line_;
  offset_ += static_cast<int64_t>(end);
  line_ += std::count(batch.text.begin(), batch.text.end(), '\n');
  return true;
}

}  // namespace roberta
