#include "io/text_reader.h"

#include <algorithm>
#include <cstring>

#include "core/error.h"

namespace roberta {

TextReader::TextReader(const std::filesystem::path& path, size_t chunk_bytes)
    : name_(display_name(path)),
      source_(open_byte_source(path)),
      chunk_bytes_(std::max<size_t>(chunk_bytes, 1)),
      longest_(16 * chunk_bytes_) {}

bool TextReader::append(std::string& text, size_t n) {
  if (ended_) return false;
  const size_t before = text.size();
  text.resize(before + n);
  size_t have = 0;
  while (have < n) {
    const size_t got = source_->read(text.data() + before + have, n - have);
    if (got == 0) {
      ended_ = true;
      break;
    }
    have += got;
    // A pipe returns what it has: whole lines need not wait for more.
    if (std::memchr(text.data() + before, '\n', have)) break;
  }
  text.resize(before + have);
  return have > 0;
}

bool TextReader::next_chunk(TextChunk& chunk) {
  chunk.text.clear();
  chunk.text.swap(rest_);
  size_t end = std::string::npos;
  size_t searched = 0;
  while (end == std::string::npos) {
    const size_t newline = chunk.text.rfind('\n');
    if (newline != std::string::npos && newline >= searched) {
      end = newline + 1;
    } else if (chunk.text.size() >= longest_) {
      end = cut_of_long_line(chunk.text);
    } else {
      searched = chunk.text.size();
      if (!append(chunk.text, chunk_bytes_)) end = chunk.text.size();
    }
  }
  if (end == 0) return false;
  rest_.assign(chunk.text, end);
  chunk.text.resize(end);
  chunk.offset = offset_;
  chunk.line = line_;
  chunk.starts_line = starts_line_;
  offset_ += static_cast<int64_t>(end);
  line_ += std::count(chunk.text.begin(), chunk.text.end(), '\n');
  starts_line_ = chunk.text.back() == '\n';
  return true;
}

size_t TextReader::cut_of_long_line(const std::string& text) const {
  for (size_t i = text.size() - 1; i > 0; --i) {
    if (text[i] == ' ' && text[i - 1] > ' ' && text[i - 1] <= '~') return i;
  }
  fail(ErrorCode::kInput, "[text] ", name_, ": line ", line_, " (byte ", offset_, ") has ", text.size(),
       " bytes without a line end or a space; is this a text file?");
}

bool TextReader::next_line(std::string_view& line) {
  if (next_ == current_.text.size()) {
    next_ = 0;
    if (!next_chunk(current_)) return false;
    line_number_ = current_.line - 1;
  }
  const std::string_view left = std::string_view(current_.text).substr(next_);
  const size_t newline = left.find('\n');
  if (!current_.starts_line || (newline == std::string_view::npos && !(ended_ && rest_.empty())))
    fail(ErrorCode::kInput, "[text] ", name_, ": line ", line_number_ + 1, " (byte ", current_.offset + next_,
         ") is longer than ", longest_, " bytes; split it");
  line = left.substr(0, newline);
  line_offset_ = current_.offset + static_cast<int64_t>(next_);
  ++line_number_;
  next_ += newline == std::string_view::npos ? left.size() : newline + 1;
  return true;
}

}  // namespace roberta
